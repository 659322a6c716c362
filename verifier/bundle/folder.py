"""A bundle's folder → its files, read as what they are: somebody may have put anything there."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec
import zstandard

from verifier.bundle.place import MANIFESTS, SCENARIO, shown
from verifier.errors import BundleError
from verifier.relpath import show

SUMS: Final = "SHA256SUMS"
SIGNATURE: Final = "SHA256SUMS.sig"
OUTSIDE: Final = re.compile(r"SHA256SUMS(?:\.sig(?:\.[A-Za-z0-9_@.-]{1,64})?)?\Z|delivery\.jsonl\Z")
"""What lies outside of the sums: they themselves, their signatures, and what became of the bundle later."""

_LARGEST_WHOLE_BYTES: Final = 256 * 1024 * 1024
_LARGEST_LINE_BYTES: Final = 1024 * 1024
_CHUNK_BYTES: Final = 1 << 20
_IDENTITY: Final = re.compile(r"[0-9a-f]{64}\Z")
_SUM: Final = re.compile(r"([0-9a-f]{64})  ([A-Za-z0-9][A-Za-z0-9._-]{0,127})\Z")


def bundle_folders(reports: Path) -> Iterator[Path]:
    """Yield the folder of everything in REPORTS that may be a bundle, scenario by scenario, in the order of names.

    Raises:
        BundleError: REPORTS, or the folder of a scenario, can't be listed.
    """
    for scenario in _folders(reports):
        if scenario != MANIFESTS and SCENARIO.match(scenario):
            yield from (reports / scenario / name for name in _folders(reports / scenario) if not name.startswith("."))


def kept_manifest(reports: Path, identity: str) -> Path:
    """Return where a manifest lies that bundles in REPORTS were made with: a native one, or another program's list.

    Raises:
        BundleError: it isn't there, or what is there is no file.
    """
    if _IDENTITY.match(identity):
        for ending in (".jsonl.zst", ".list.zst"):
            file = reports / MANIFESTS / f"{identity}{ending}"
            with contextlib.suppress(OSError):
                if stat.S_ISREG(file.lstat().st_mode):
                    return file
    raise BundleError(f"expected the manifest {show(identity)} in {MANIFESTS}, got none")


def _folders(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError as error:
        raise BundleError(f"can't list {shown(folder)}: {error.strerror}") from error


class BundleFolder:
    """A bundle as it lies there.

    Args:
        path: its folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def names(self) -> list[str]:
        """Return the names of everything in the folder.

        Raises:
            BundleError: it can't be listed.
        """
        try:
            return sorted(os.listdir(self.path))  # noqa: PTH208 - names, and nothing else of them
        except OSError as error:
            raise BundleError(f"can't list {show(os.fsencode(self.path))}: {error.strerror}") from error

    def _open(self, name: str) -> BinaryIO:
        """Open a regular file: a pipe would wait for ever, a link lead elsewhere."""
        try:
            descriptor = os.open(self.path / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise BundleError(f"can't read {show(name)}: {error.strerror}") from error
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise BundleError(f"expected a regular file, got something else: {show(name)}")
        return open(descriptor, "rb")  # noqa: PTH123 - of an open descriptor

    def whole(self, name: str) -> bytes:
        """Return a file's bytes.

        Raises:
            BundleError: it isn't there, is no regular file, or is larger than 256 MiB.
        """
        with self._open(name) as file:
            data = file.read(_LARGEST_WHOLE_BYTES + 1)
        if len(data) > _LARGEST_WHOLE_BYTES:
            raise BundleError(f"expected at most 256 MiB, got more: {show(name)}")
        return data

    def sha256(self, name: str) -> str:
        """Return the SHA-256 of a file of any size, in hex.

        Raises:
            BundleError: it isn't there, or is no regular file.
        """
        hasher = hashlib.sha256()
        with self._open(name) as file:
            while chunk := file.read(_CHUNK_BYTES):
                hasher.update(chunk)
        return hasher.hexdigest()

    def sums(self) -> dict[str, str]:
        """Return what `SHA256SUMS` states: the SHA-256 of each name.

        Raises:
            BundleError: it isn't there, or a line is none.
        """
        found: dict[str, str] = {}
        for number, line in enumerate(self.whole(SUMS).decode("utf-8", "replace").splitlines(), start=1):
            match = _SUM.match(line)
            if match is None or match[2] in found:
                raise BundleError(f"expected a sum and a name in line {number} of {SUMS}, got {show(line[:80])}")
            found[match[2]] = match[1]
        return found

    def records(self, name: str) -> Iterator[dict[str, Any]]:
        """Yield the JSON objects of a file of JSON Lines, unpacked where its name ends in `.zst`.

        Raises:
            BundleError: it isn't there, is cut off, or a line is none.
        """
        decode = msgspec.json.Decoder(dict[str, Any]).decode
        with self._open(name) as file:
            for number, line in enumerate(_lines(file, packed=name.endswith(".zst"), name=name), start=1):
                try:
                    yield decode(line)
                except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                    raise BundleError(f"expected a JSON object in line {number} of {name}, got {error}") from error


def _lines(file: BinaryIO, *, packed: bool, name: str) -> Iterator[bytes]:
    rest = b""
    reader: Any = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=False) if packed else file
    try:
        while chunk := reader.read(_CHUNK_BYTES):
            *whole, rest = (rest + chunk).split(b"\n")
            yield from whole
            if len(rest) > _LARGEST_LINE_BYTES:
                raise BundleError(f"expected lines of at most 1 MiB in {name}, got a longer one")
    except zstandard.ZstdError as error:
        raise BundleError(f"expected {name} packed with zstd, got other bytes: {error}") from error
    if rest:
        raise BundleError(f"expected whole lines in {name}, got the middle of one: it was cut off")
