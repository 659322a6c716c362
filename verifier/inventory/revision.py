"""A batch of names with what an old manifest says of them → lines of the new one, and what changed: a worker's part.

A file whose size, time, change time and inode are as they were is not opened, and its line goes over with the date at
which it was hashed, unless it is due to be read again. What is read and has other bytes under an unchanged time was
damaged: it keeps its old line, so that a good copy still proves good.
"""

from __future__ import annotations

import os
import struct
from typing import Final

from verifier.inventory.batch import (
    LINK_MARK,
    MARK_BYTES,
    UNKNOWN_MARK,
    Batch,
    Change,
    Known,
    Large,
    Mark,
    Run,
    Surveyed,
    mark_of,
)
from verifier.inventory.known import LineReader, Old
from verifier.inventory.share import comparable, ticket_of
from verifier.inventory.survey import LeftOutError, Survey, opened
from verifier.manifest.encoding import Counts
from verifier.sources.places.walk import Directories

_SETTLED_NS: Final = 2_000_000_000  # as long as a file system may give two changes the same time
_KEPT: Final = frozenset({"unreadable", "cloud_only"})
_NOT_WRITTEN: Final = "nobody wrote to it, by its change time: the disk, or what lies under it, does this"
_WRITTEN: Final = "something wrote to it and left or set back its time"


def revise(batch: Batch) -> Surveyed:
    """Look at every name of a batch, as `survey` does, beside what the old manifest says.

    Raises:
        SourceError: the folder as a whole went away.
        ManifestError: a line of the old manifest is none.
        CancelledError: the parent asked to stop.
    """
    if batch.known is None:
        raise AssertionError
    with opened(batch) as directories:
        return Revision(batch, batch.known, directories).run()
    raise AssertionError  # what is opened holds no exception back


class Revision(Survey):
    """The work on one batch."""

    def __init__(self, batch: Batch, known: Known, directories: Directories) -> None:
        super().__init__(batch, directories)
        self._known = known
        self._rule = known.rule
        self._olds = LineReader(batch.algorithm or "").read_all(known.lines)
        words = struct.unpack(f"={len(known.marks) // 8}Q", known.marks)
        self._old_marks: list[Mark] = list(zip(words[::2], words[1::2], strict=True))
        self._at = 0
        self._old: Old | None = None
        self._old_mark: Mark | None = None
        self._dates: dict[str, int] = {}
        self._changes: list[Change] = []
        self._as_before = Counts()

    def run(self) -> Surveyed:
        """Look at every name; what the old manifest has besides, up to the last of them, was removed."""
        surveyed = super().run()
        if surveyed.rest is None:
            for old in self._olds[self._at :]:
                self._tell_removed(old)
        return surveyed._replace(changes=tuple(self._changes), read_again=self._as_before)

    def _rest(self, runs: list[Run]) -> Batch:
        known = self._known
        left = known._replace(lines=known.lines[self._at :], marks=known.marks[self._at * MARK_BYTES :])
        return super()._rest(runs)._replace(known=left)

    def _put_off(self, folder: bytes, name: bytes, size_bytes: int) -> Large:
        known = self._known
        start = self._at - 1 if self._old else self._at
        marks = known.marks[start * MARK_BYTES : self._at * MARK_BYTES]
        large = super()._put_off(folder, name, size_bytes)
        return large._replace(known=known._replace(lines=known.lines[start : self._at], marks=marks))

    def _look_at(self, folder: bytes, name: bytes, parent: int) -> None:
        path = folder + name.rstrip(LINK_MARK)
        old = self._old = self._find(path)
        if old is None or old.link is not None or name.endswith(LINK_MARK) or self._batch.piece_bytes is not None:
            super()._look_at(folder, name, parent)
            self._judge(old, self._lines[-1])
            return
        status = os.stat(name, dir_fd=parent, follow_symlinks=False)
        if self._is_unchanged(old, status) and not self._is_due(old):
            self._carry(old, self._old_mark or _settled_mark(status, self._began_ns))
            self._count(0)
            return
        super()._look_at(folder, name, parent)
        self._judge(old, self._lines[-1])

    def _find(self, path: bytes) -> Old | None:
        """Return what the old manifest says of a path; what it has before it was removed."""
        olds, at = self._olds, self._at
        while at < len(olds) and olds[at].path < path:
            self._tell_removed(olds[at])
            at += 1
        found = olds[at] if at < len(olds) and olds[at].path == path else None
        self._old_mark = self._old_marks[at] if found and self._old_marks else None
        self._at = at + 1 if found else at
        return found

    def _is_unchanged(self, old: Old, status: os.stat_result) -> bool:
        if old.size_bytes != status.st_size or old.mtime_ns != status.st_mtime_ns:
            return False
        return self._old_mark is None or self._old_mark == mark_of(status)

    def _is_due(self, old: Old) -> bool:
        """Tell whether the file's turn in the rolling share has come."""
        date = old.hashed_at
        order = self._dates.get(date)
        if order is None:
            since = comparable(date or self._rule.created, self._rule.now)
            order = self._dates[date] = (since > self._rule.date) - (since < self._rule.date)
        return order < 0 or (order == 0 and ticket_of(old.path) <= self._rule.ticket)

    def _carry(self, old: Old, mark: Mark) -> None:
        """Take the old line over, with the date at which the file was hashed."""
        if old.link is not None:
            self._lines.append(old.line + "\n")
            self._links += 1
        else:
            dated = old.line if old.hashed_at else f'{old.line[:-1]},"hashed":"{self._rule.created}"}}'
            self._lines.append(dated + "\n")
            self._file_bytes += old.size_bytes
        self._marks.extend(mark)

    def _judge(self, old: Old | None, line: str) -> None:
        """Say what became of a path, the new line of which is the last; put the old one back where it was damaged."""
        if old is None:
            self._changes.append(Change("added", "", line[:-1]))
            return
        new_size, new_mtime, new_digest, new_link = self._found
        if (old.link, old.size_bytes, old.digest) == (new_link, new_size, new_digest):
            if new_link is None:
                self._as_before += Counts(1, 0, new_size)
            return
        silent = old.link is None and new_link is None and old.mtime_ns == new_mtime
        if not silent:
            self._changes.append(Change("changed", old.line, line[:-1]))
            return
        self._changes.append(Change("silent", old.line, line[:-1], self._damage()))
        if not self._rule.accept:
            self._lines.pop()
            del self._marks[-2:]
            self._file_bytes -= new_size
            self._carry(old, UNKNOWN_MARK)

    def _damage(self) -> str:
        if self._old_mark is None or self._old_mark == UNKNOWN_MARK:
            return ""
        return _NOT_WRITTEN if self._old_mark == self._mark else _WRITTEN

    def _leave_out(self, path: bytes, left: LeftOutError) -> None:
        """Keep the old line of a file that is there and can't be read; leave out what else can't be in the manifest."""
        old = self._old if self._old and self._old.path == path else self._find(path)
        if old is None:
            super()._leave_out(path, left)
        elif left.reason in _KEPT:
            self._carry(old, UNKNOWN_MARK)
            self._changes.append(Change("untold", old.line, "", left.detail))
            self._count(0)
        else:
            super()._leave_out(path, left)
            self._tell_removed(old)

    def _tell_removed(self, old: Old) -> None:
        self._changes.append(Change("removed", old.line, ""))


def _settled_mark(status: os.stat_result, now_ns: int) -> Mark:
    """Return the mark of a file that was not read; none where another change could still leave it as it is."""
    return mark_of(status) if status.st_ctime_ns < now_ns - _SETTLED_NS else UNKNOWN_MARK
