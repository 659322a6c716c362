"""What a fetch writes → kept in memory, so that a test can look at it."""

from __future__ import annotations

from verifier.errors import ScratchFullError


class Memory:
    """A sink that remembers what was written to it; a place where nothing was written is no zero, as a file's is.

    Args:
        most_bytes: what a file may hold before the sink is full.

    Attributes:
        files: the bytes by the request's number.
        created: the numbers in the order in which their files were begun.
    """

    def __init__(self, most_bytes: int = 1 << 40) -> None:
        self.files: dict[int, bytearray] = {}
        self.created: list[int] = []
        self._most_bytes = most_bytes

    def create(self, number: int) -> None:
        self.created.append(number)
        self.files[number] = bytearray()

    def write(self, number: int, offset: int, data: bytes | bytearray | memoryview) -> None:
        content = self.files[number]
        end = offset + len(data)
        if end > self._most_bytes:
            raise ScratchFullError("full")
        content.extend(b"?" * (end - len(content)))
        content[offset:end] = data
