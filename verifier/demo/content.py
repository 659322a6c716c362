"""A file's name and size → bytes that such a file may hold: the same ones on every machine and every day.

Photos, videos and documents begin as their types do and go on with noise; letters are text; scans are mostly paper.
None of them opens in a viewer: what a drill needs of them is that they are there, many, and not alike.
"""

from __future__ import annotations

import random
from typing import Final

_JPEG: Final = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
_ZIP: Final = b"PK\x03\x04\x14\x00\x00\x00\x08\x00"

_BEGINNINGS: Final = {
    "docx": _ZIP,
    "flac": b"fLaC\x00\x00\x00\x22",
    "heic": b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic",
    "jpg": _JPEG,
    "kdbx": b"\x03\xd9\xa2\x9a\x67\xfb\x4b\xb5\x00\x00\x04\x00",
    "mov": b"\x00\x00\x00\x14ftypqt  \x00\x00\x02\x00qt  ",
    "mp3": b"ID3\x03\x00\x00\x00\x00\x00\x00",
    "mp4": b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom",
    "ods": _ZIP,
    "pdf": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
    "tif": b"II*\x00\x08\x00\x00\x00",
    "csv": b"date;what;amount\n",
    "eml": b"From: Anna <anna@example.org>\nTo: Jos\xc3\xa9 <jose@example.org>\nSubject: the weekend\n\n",
    "ics": b"BEGIN:VCALENDAR\nVERSION:2.0\n",
    "mbox": b"From anna@example.org Mon Mar  1 08:00:00 2021\nSubject: all our mail of the year\n\n",
    "md": b"# What we need\n\n",
    "txt": b"",
    "vcf": b"BEGIN:VCARD\nVERSION:4.0\n",
}
_TEXT: Final = frozenset({"csv", "eml", "ics", "mbox", "md", "txt", "vcf"})
_SENTENCES: Final = (
    "Grandma sends her love and asks when we are coming.\n",
    "Das Wetter war herrlich, wir haben jeden Tag gebadet.\n",
    "Il treno parte alle sette e dieci, non dimenticare i biglietti!\n",
    "Could you bring the blue folder with the insurance papers?\n",
    "500 g Mehl, 3 Eier, eine Prise Salz, und viel Geduld.\n",
    "On se voit dimanche, chez nous ou chez vous ?\n",
    "写真をありがとう。みんな元気そうですね。\n",
    "The plumber comes on Tuesday between eight and noon.\n",
)
# Scanned paper has few shades, unlike noise.
_SHADES: Final = bytes(240 + value % 16 for value in range(256))


def content(path: str, size_bytes: int) -> bytes:
    """Return `size_bytes` bytes for the file of this name; another name gives others."""
    dice = random.Random(f"household/{path}")
    extension = path.rpartition(".")[2].lower()
    beginning = _BEGINNINGS.get(extension, b"")[:size_bytes]
    rest_bytes = size_bytes - len(beginning)
    if extension in _TEXT:
        return beginning + _text(dice, rest_bytes)
    noise = dice.randbytes(rest_bytes)
    return beginning + (noise.translate(_SHADES) if extension == "tif" else noise)


def _text(dice: random.Random, size_bytes: int) -> bytes:
    """Return sentences, the last of which is cut off between two characters."""
    shortest_bytes = min(len(sentence.encode()) for sentence in _SENTENCES)
    sentences = dice.choices(_SENTENCES, k=1 + size_bytes // shortest_bytes)
    whole = "".join(sentences).encode()[:size_bytes].decode("utf-8", "ignore").encode()
    return whole.ljust(size_bytes, b".")
