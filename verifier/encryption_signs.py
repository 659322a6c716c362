"""The first bytes of a file, and its name → whether it looks as if somebody had encrypted it.

Ransomware leaves files whose bytes look random where the type's never do, or that are not what their name says. Both
are signs, not proof: they only turn "too much has changed to tell" into "this is damage".
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Final

HEAD_BYTES: Final = 64 * 1024
_SMALLEST_BYTES: Final = 256
_RANDOM_SHARE: Final = 0.97

# What a file of each type begins with; (offset, bytes) of which one must be there.
_BEGINNINGS: Final[dict[str, tuple[tuple[int, bytes], ...]]] = {
    "jpg": ((0, b"\xff\xd8\xff"),),
    "jpeg": ((0, b"\xff\xd8\xff"),),
    "png": ((0, b"\x89PNG\r\n\x1a\n"),),
    "gif": ((0, b"GIF8"),),
    "heic": ((4, b"ftyp"),),
    "mov": ((4, b"ftyp"), (4, b"moov"), (4, b"mdat"), (4, b"wide"), (4, b"free")),
    "mp4": ((4, b"ftyp"),),
    "m4a": ((4, b"ftyp"),),
    "pdf": ((0, b"%PDF-"),),
    "zip": ((0, b"PK"),),
    "docx": ((0, b"PK"),),
    "xlsx": ((0, b"PK"),),
    "pptx": ((0, b"PK"),),
    "odt": ((0, b"PK"),),
    "ods": ((0, b"PK"),),
    "gz": ((0, b"\x1f\x8b"),),
    "7z": ((0, b"7z\xbc\xaf\x27\x1c"),),
    "sqlite": ((0, b"SQLite format 3\0"),),
}
_LOW_ENTROPY: Final = frozenset(
    {"bmp", "c", "conf", "cpp", "css", "csv", "doc", "eml", "gpx", "h", "htm", "html", "ics", "ini", "java", "js"}
    | {"json", "log", "md", "py", "raw", "rs", "rtf", "sh", "sql", "srt", "svg", "tex", "tif", "tiff", "toml", "ts"}
    | {"txt", "vcf", "wav", "xls", "xml", "yaml", "yml"}
)


def looks_encrypted(name: bytes, head: bytes) -> bool:
    """Tell whether `head`, the first bytes of the file at `name`, is random where its type has order.

    At least 256 bytes are needed to tell; of fewer nothing is said. A type that begins in a known way and doesn't is
    only a sign together with bytes that look random.
    """
    if len(head) < _SMALLEST_BYTES or not _is_random(head):
        return False
    extension = name.rpartition(b".")[2].decode("ascii", "replace").lower()
    beginnings = _BEGINNINGS.get(extension)
    if beginnings is not None:
        return not any(head.startswith(magic, offset) for offset, magic in beginnings)
    return extension in _LOW_ENTROPY


def _is_random(head: bytes) -> bool:
    """Tell whether the entropy is that of random bytes, of which even an ideal sample shows less than 8 bits each."""
    length = len(head)
    entropy = -sum(count / length * math.log2(count / length) for count in Counter(head).values())
    # The expected shortfall of a random sample of this length is (256 - 1) / (2 n ln 2) bits (Miller 1955).
    expected = 8.0 - min(2.5, 255 / (2 * length * math.log(2)))
    return entropy >= expected * _RANDOM_SHARE
