"""How one kind of place joins the contract: it says how it is filled, opened and hurt, and what it can't do and why.

A hook that a harness overrides is one that it has, and the rules that need it run; each of the others is named in
`leaves_out` with its reason, which a test asks for. So no rule goes missing unseen.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, NoReturn, final

from verifier.sources.formats.plain import PlainFiles
from verifier.sources.interface import Place, Source

TIME_NS = 1_600_000_000_000_000_000
"""A time of a whole second, which every place can keep."""

NAMES: Mapping[str, tuple[bytes, ...]] = {
    "plain": (b"plain", b"with.extension", b".hidden", b"folder/inside"),
    "spaces": (b"a b", b"  two  spaces", b"trailing "),
    "quotes": (b"it's", b'say "so"', b"back`tick`", b"$(touch x)", b"a;b&c|d"),
    "newline": (b"line\nbreak", b"carriage\rreturn", b"\n"),
    "leading dash": (b"-rf", b"--help", b"-"),
    "pattern": (b"[ab].txt", b"a.txt", b"b.txt", b"*.txt", b"?.txt", b"{a,b}.txt", b"!a.txt"),
    "normal forms": ("caf\u00e9".encode(), "cafe\u0301".encode()),
    "not UTF-8": (b"\xff\xfe", b"latin-\xe9", b"\xed\xa0\x80"),
    "255 bytes": (b"n" * 255, "\u00e9".encode() * 127),
    "case": (b"Case", b"case", b"CASE"),
    "control": (b"\x01bell\x07", b"\x1b[31mred", b"\x7f", b"tab\tbed"),
    "backslash": (b"back\\slash", b"\\", b"..\\up"),
    "dots": (b"...", b"..a", b"dot.", b"folder/..b"),
    "escapes": (b"%2e%2e%2fup", b"100%", b"%00", b"a+b", b"a%20b", b"&amp;"),
    "address": (b"what?", b"#1", b"a:b", b"~", b"~root", b"user@host", b"sftp:x"),
    "reserved": (b"CON", b"nul.txt", b"<>|*"),
    "sight": ("\U0001f600".encode(), "\u202egnp.exe".encode(), "\u200bzero".encode(), "\ufeffmark".encode()),
    "deep": (b"/".join([b"d" * 20] * 30),),
}
"""What is special about a name → such names."""

UNSAFE = (b"../up", b"/absolute", b"a/../../up", b"a//b", b"./a", b"a/.", b"..", b"nul\0byte")


class Harness(ABC):
    """One place of a kind, made for one test in a folder of its own.

    Args:
        folder: private to this test.
        shared: what `serving` gave for all tests of the kind: a server, its keys.
    """

    kind: ClassVar[str]
    leaves_out: ClassVar[Mapping[str, str]] = {}
    """Hook → why this kind has none."""
    cannot_hold: ClassVar[frozenset[str]] = frozenset()
    """Keys of `NAMES` that this kind of place has no way to hold."""
    many_files: ClassVar[int] = 1_203
    """More than the place tells in one page, or one reply."""
    limit_seconds: ClassVar[float] = 10.0
    """The longest that it may wait for a place that is silent."""
    times_change: ClassVar[bool] = True
    """Whether a file that is replaced can be read under its old listing, which then must be told."""
    refuses_links: ClassVar[bool] = True
    """Whether a path through a link is refused too, and not only never listed."""
    fails_by_exceptions: ClassVar[bool] = True
    """Whether what fails a file is an exception of somebody else's, which then is the cause, and not a reply."""
    secrets: tuple[str, ...] = ()
    """What no error, and nothing that the place says of itself, may hold."""

    def __init__(self, folder: Path, shared: Any = None) -> None:
        self.folder = folder
        self.shared = shared
        self.cleanup = contextlib.ExitStack()
        self.needs: frozenset[str] = frozenset()
        """The hooks that the rule at work needs: known before the place is opened."""

    @classmethod
    @contextlib.contextmanager
    def serving(cls, folder: Path) -> Iterator[Any]:
        """Run what all tests of the kind share."""
        del folder
        yield None

    @classmethod
    def unavailable(cls) -> str | None:
        """Return why the kind can't be tested on this machine."""
        return None

    @abstractmethod
    def put(self, name: bytes, data: bytes, mtime_ns: int = TIME_NS) -> None:
        """Make or replace a file."""

    @abstractmethod
    def remove(self, name: bytes) -> None:
        """Remove a file."""

    @abstractmethod
    def open_place(self) -> Place:
        """Open the place anew."""

    @abstractmethod
    def state(self) -> object:
        """Return all that reading must not change: names, bytes, times."""

    def open(self) -> Source:
        """Open a source over the place."""
        return PlainFiles(self.open_place())

    @final
    def close(self) -> None:
        """Undo what was hurt, and let go."""
        self.cleanup.close()

    def link(self, name: bytes, target: bytes) -> None:
        """Make a symbolic link."""
        _none(self, name, target)

    def pipe(self, name: bytes) -> None:
        """Make a pipe, in the stead of a file where there is one."""
        _none(self, name)

    def socket(self, name: bytes) -> None:
        """Make a socket."""
        _none(self, name)

    def offer(self, name: bytes) -> bool | None:
        """Have the place list a file whose name leads out of its root; return False where it can't offer this one."""
        _none(self, name)

    def outside(self, data: bytes) -> bytes:
        """Put a file beside the root; return the name by which the root would lead there."""
        _none(self, data)

    def break_listing(self) -> None:
        """Let every listing fail behind its first entries."""
        _none(self)

    def forbid(self, name: bytes) -> None:
        """Let the place refuse a file."""
        _none(self, name)

    def damage(self, name: bytes) -> None:
        """Let a file fail by itself: a bad sector, a checksum inside."""
        _none(self, name)

    def cut(self, name: bytes) -> None:
        """Let every transfer of a file break off in the middle."""
        _none(self, name)

    def hiccup(self, name: bytes) -> None:
        """Let the next transfer of a file break off in the middle."""
        _none(self, name)

    def reply_short(self) -> None:
        """Let every reply be shorter than what was asked for."""
        _none(self)

    def go_away(self) -> None:
        """Let the place be gone for whoever comes now."""
        _none(self)

    def fall_silent(self) -> None:
        """Let the place answer no more without saying so."""
        _none(self)

    def impersonate(self) -> None:
        """Let somebody else answer in the place's stead."""
        _none(self)

    @classmethod
    def hooks(cls) -> frozenset[str]:
        """Return the hooks that it has."""
        return frozenset(hook for hook in HOOKS if getattr(cls, hook) is not getattr(Harness, hook))


HOOKS = (
    "link", "pipe", "socket", "offer", "outside", "break_listing", "forbid", "damage", "cut", "hiccup",
    "reply_short", "go_away", "fall_silent",
    "impersonate",
)  # fmt: skip


def _none(harness: Harness, *arguments: bytes) -> NoReturn:
    raise NotImplementedError(f"{harness.kind} was asked for a hook that it does not have: {arguments}")
