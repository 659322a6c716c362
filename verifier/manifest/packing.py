"""Compressed files ↔ streams of bytes, by extension: `.zst`, `.gz`, or as they are.

What comes out is read in pieces of the caller's size, so a small file that unpacks to terabytes costs time, never
memory.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import BinaryIO, Final, Protocol, cast

from verifier import relpath
from verifier.errors import ManifestError

_LEVEL: Final = 3
_LARGEST_WINDOW_BYTES: Final = 64 * 1024 * 1024  # memory that a file may ask for to be unpacked; `zstd -19` needs 8 MiB
_GZIP_WINDOW: Final = 31  # zlib's code for the gzip format with its largest window
_READ_BYTES: Final = 256 * 1024


class PackingError(ManifestError):
    """The packed bytes are damaged, or packed in another way than their name says."""


class FromStart:
    """An open file read from its start, whoever else reads it at the same time."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._position = 0

    def skip_to_last(self, size_bytes: int) -> None:
        """Go on with the last `size_bytes` of the file."""
        self._position = max(0, os.fstat(self._descriptor).st_size - size_bytes)

    def read(self, size_bytes: int, /) -> bytes:
        """Return the next bytes, up to `size_bytes`; none at the end."""
        data = os.pread(self._descriptor, size_bytes, self._position)
        self._position += len(data)
        return data


class Writable(Protocol):
    """Where packed bytes go."""

    def write(self, data: bytes, /) -> int:
        """Take in bytes."""
        ...


@contextmanager
def packed(file: BinaryIO, name: str) -> Iterator[Writable]:
    """Give something to write plain bytes to, which come to `file` packed as the extension of `name` says."""
    if name.endswith(".zst"):
        import zstandard  # noqa: PLC0415 - a plain manifest doesn't need it, and loading it costs 15 ms

        compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True)
        with compressor.stream_writer(file, closefd=False) as packer:
            yield packer
    elif name.endswith(".gz"):
        import gzip  # noqa: PLC0415 - as above

        # No name and no time inside, so that equal content is equal bytes.
        with gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=file, mtime=0) as gzipped:
            yield gzipped
    else:
        yield file


def unpacked_blocks(file: FromStart, name: str) -> Generator[bytes, None, None]:
    """Yield the plain bytes of `file` in blocks of bounded size.

    Raises:
        PackingError: it is not packed as the extension of `name` says, or the packed bytes are damaged.
    """
    if name.endswith(".zst"):
        yield from _unpack_zst(file)
    elif name.endswith(".gz"):
        yield from _unpack_gz(file)
    else:
        while block := file.read(_READ_BYTES):
            yield block


def last_bytes(file: FromStart, name: str, size_bytes: int) -> bytes:
    """Return up to `size_bytes` plain bytes from the end of `file`; what is packed is unpacked up to there.

    Raises:
        PackingError: as of `unpacked_blocks`.
    """
    if not name.endswith((".zst", ".gz")):
        file.skip_to_last(size_bytes)
    tail = b""
    for block in unpacked_blocks(file, name):
        tail = (tail + block)[-size_bytes:]
    return tail


def _unpack_zst(file: FromStart) -> Iterator[bytes]:
    import zstandard  # noqa: PLC0415 - as above

    unpacker = zstandard.ZstdDecompressor(max_window_size=_LARGEST_WINDOW_BYTES)
    try:
        # Its stub asks for a whole file; it calls `read` alone.
        with unpacker.stream_reader(cast("BinaryIO", file), read_across_frames=True, closefd=False) as reader:
            while block := reader.read(_READ_BYTES):
                yield block
    except zstandard.ZstdError as error:
        raise PackingError(f"expected whole zstd data, got {relpath.show(str(error))}") from error


def _unpack_gz(file: FromStart) -> Iterator[bytes]:
    """Unpack every member of the file. One that is cut off ends the bytes, which the manifest's end line tells."""
    unpacker = zlib.decompressobj(_GZIP_WINDOW)
    waiting = b""
    try:
        while waiting := waiting or file.read(_READ_BYTES):
            if unpacker.eof:
                unpacker = zlib.decompressobj(_GZIP_WINDOW)
            block = unpacker.decompress(waiting, _READ_BYTES)
            waiting = unpacker.unconsumed_tail or unpacker.unused_data
            if block:
                yield block
        while block := unpacker.decompress(b"", _READ_BYTES):
            yield block
    except zlib.error as error:
        raise PackingError(f"expected whole gzip data, got {relpath.show(str(error))}") from error
