"""A bag → rows of its payload: BagIt, RFC 8493 and its drafts from 0.93 on.

The list is one payload manifest, the strongest that we know; it alone is the identity. Tag files are checked when the
bag is opened and are left out of listings, as everything beside `data/` is.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from verifier import digest, relpath
from verifier.errors import ManifestError, UnsafePathError
from verifier.manifest.foreign.algorithm import of_tag
from verifier.manifest.foreign.list_file import ListFile
from verifier.manifest.foreign.row import Row, checked_path

DECLARATION: Final = "bagit.txt"
_MANIFEST: Final = re.compile(r"manifest-([a-z0-9]+)\.txt")
_DECLARED: Final = re.compile(
    rb"BagIt-Version: ([0-9]{1,3})\.([0-9]{1,3})\r?\nTag-File-Character-Encoding: ([A-Za-z0-9-]{1,20})\s*"
)
_LINE: Final = re.compile(rb"([0-9A-Fa-f]{8,128})[ \t]+\*?(.+)", re.DOTALL)
_OXUM: Final = re.compile(rb"payload-oxum[ \t]*:[ \t]*([0-9]{1,18})\.([0-9]{1,18})[ \t]*", re.IGNORECASE)
_OXUM_NAMED: Final = re.compile(rb"payload-oxum[ \t]*:", re.IGNORECASE)
_PERCENT: Final = re.compile(rb"%(0[AaDd]|25)")
_PERCENT_BEFORE_1_0: Final = re.compile(rb"%(0[AaDd])")
_MEANT: Final = {b"0A": b"\n", b"0D": b"\r", b"25": b"%"}
_ENCODINGS: Final = {"UTF-8": "utf-8", "UTF-16": "utf-16", "ISO-8859-1": "latin-1"}
_STRONGEST_FIRST: Final = ("sha512", "blake3", "sha384", "sha256", "blake2b", "sha224", "sha1", "md5")
_NEWEST: Final = (1, 0)
_LARGEST_DECLARATION_BYTES: Final = 4096
_PAYLOAD: Final = b"data/"
_CHUNK_BYTES: Final = 1024 * 1024


def is_bag(folder: Path) -> bool:
    """Tell whether a folder means to be a bag."""
    return (folder / DECLARATION).is_file()


def is_payload_manifest(path: Path) -> bool:
    """Tell whether a file is the payload manifest of a bag."""
    return _MANIFEST.fullmatch(path.name) is not None and is_bag(path.parent)


def payload_manifests(folder: Path) -> dict[str, Path]:
    """Return the payload manifests of a bag by their algorithms, the strongest first.

    Raises:
        ManifestError: there is none of an algorithm that we know.
    """
    found = {}
    for path in sorted(folder.glob("manifest-*.txt")):
        match = _MANIFEST.fullmatch(path.name)
        if match is not None and path.is_file():
            found[of_tag(match[1]) or match[1]] = path
    known = {algorithm: found[algorithm] for algorithm in _STRONGEST_FIRST if algorithm in found}
    if not known:
        got = ", ".join(map(relpath.show, found)) or "none"
        raise ManifestError(f"expected a payload manifest of a known algorithm in {_shown(folder)}, got {got}")
    return known


class Bag:
    """A bag, by one of its payload manifests, the tag files checked.

    Raises:
        ManifestError: it is incomplete (`fetch.txt`), its declaration is none, or a tag file is not what it should be.
    """

    states_sizes: Final = False
    exclude: Final = ("/*", "!/data/")

    def __init__(self, file: ListFile, algorithm: str) -> None:
        self._file = file
        self._folder = file.path.parent
        self.algorithm = algorithm
        self._version, self._encoding = self._declaration()
        if os.path.lexists(self._folder / "fetch.txt"):
            raise ManifestError(
                f"expected a bag that holds all its files, got one with fetch.txt: {_shown(self._folder)}",
                hint="fetch what it names into data/ and remove it",
            )
        self._check_tag_files()
        self.total_bytes, self.stated_files = self._oxum()
        self.allows_twice = self._version < _NEWEST

    def others(self) -> Iterator[tuple[ListFile, Iterator[Row]]]:
        """Yield the bag's other payload manifests, each with its rows, open for as long as it is looked at."""
        for algorithm, path in payload_manifests(self._folder).items():
            if path.name != self._file.path.name:
                with _opened(path) as file:
                    yield file, self._read(file, algorithm)

    def _declaration(self) -> tuple[tuple[int, int], str]:
        path = self._folder / DECLARATION
        try:
            with path.open("rb") as file:
                data = file.read(_LARGEST_DECLARATION_BYTES)
        except OSError as error:
            raise ManifestError(f"can't read {_shown(path)}: {error.strerror}") from error
        match = _DECLARED.fullmatch(data)
        if match is None:
            raise ManifestError(f"{_shown(path)}: expected BagIt-Version: 1.0 and Tag-File-Character-Encoding: UTF-8")
        version, named = (int(match[1]), int(match[2])), match[3].decode("ascii")
        encoding = _ENCODINGS.get(named.upper())
        if version > _NEWEST or encoding is None:
            got = f"version {version[0]}.{version[1]} in {named}"
            raise ManifestError(f"{_shown(path)}: expected at most version 1.0 in {', '.join(_ENCODINGS)}, got {got}")
        return version, encoding

    def _check_tag_files(self) -> None:
        """Hold every tag file against each tag manifest."""
        for path in sorted(self._folder.glob("tagmanifest-*.txt")):
            algorithm = of_tag(path.name.removeprefix("tagmanifest-").removesuffix(".txt"))
            if algorithm is None:
                raise ManifestError(f"{_shown(path)}: expected a tag manifest of a known algorithm")
            with _opened(path) as file:
                for row in self._read(file, algorithm):
                    value = self._hash(row.path, algorithm)
                    if value != row.digest:
                        message = f"expected {relpath.show(row.path)} with {algorithm} {row.digest}, got {value}"
                        raise file.wrong(row.number, message)

    def _hash(self, path: bytes, algorithm: str) -> str:
        target = os.path.realpath(os.fsencode(self._folder)) + b"/" + path
        file = Path(os.fsdecode(target))
        # A link would show the content of a file that is no part of the bag.
        if os.path.realpath(target) != target or not file.is_file():
            return "no file"
        hasher = digest.new_hasher(algorithm)
        try:
            with file.open("rb") as opened:
                while chunk := opened.read(_CHUNK_BYTES):
                    hasher.update(chunk)
        except OSError as error:
            return f"an error: {error.strerror}"
        return hasher.hexdigest()

    def _oxum(self) -> tuple[int, int | None]:
        """Return the payload's bytes, 0 where they are not stated, and its files."""
        stated: tuple[int, int | None] = (0, None)
        for name in ("bag-info.txt", "package-info.txt"):
            path = self._folder / name
            if not path.is_file():
                continue
            with _opened(path) as file:
                for number, line in file.lines(encoding=self._encoding, may_end_open=True):
                    if not _OXUM_NAMED.match(line):
                        continue
                    match = _OXUM.fullmatch(line.removesuffix(b"\r"))
                    if match is None or stated[1] not in (None, int(match[2])):
                        raise file.wrong(number, f"expected one Payload-Oxum as 279164409832.1198, got {_part(line)}")
                    stated = int(match[1]), int(match[2])
        return stated

    def rows(self) -> Iterator[Row]:
        """Yield a row for each file of the payload.

        Raises:
            ManifestError: names the line that can't be read.
        """
        for row in self._read(self._file, self.algorithm):
            if not row.path.startswith(_PAYLOAD):
                raise self._file.wrong(row.number, f"expected a path in data/, got {relpath.show(row.path)}")
            yield row

    def _read(self, file: ListFile, algorithm: str) -> Iterator[Row]:
        escape = _PERCENT_BEFORE_1_0 if self._version < _NEWEST else _PERCENT
        for number, line in file.lines(encoding=self._encoding, may_end_open=True):
            if not line.strip():
                continue
            try:
                yield _row(number, line, algorithm, escape)
            except (ManifestError, UnsafePathError) as error:
                raise file.wrong(number, error.message) from error


def _row(number: int, line: bytes, algorithm: str, escape: re.Pattern[bytes]) -> Row:
    match = _LINE.fullmatch(line)
    if match is None:
        raise ManifestError(f"expected a checksum and a path, got {_part(line)}")
    value = match[1].decode("ascii").lower()
    if not digest.is_digest(algorithm, value):
        raise ManifestError(f"expected a checksum of {algorithm}, got {len(value)} hex digits")
    return Row(checked_path(escape.sub(lambda found: _MEANT[found[1].upper()], match[2])), number, value)


@contextmanager
def _opened(path: Path) -> Iterator[ListFile]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise ManifestError(f"can't open {_shown(path)}: {error.strerror}") from error
    try:
        yield ListFile(path, descriptor)
    finally:
        os.close(descriptor)


def _shown(path: Path) -> str:
    return relpath.show(os.fsencode(path))


def _part(line: bytes) -> str:
    return relpath.show(line[:80])
