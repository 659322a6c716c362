"""A name → whether a system put the file beside the data by itself: thumbnails, indexes, recycle bins, Finder's notes.

Such files come and go in a copy without anybody's doing. Sources: Apple's Technical Note TN1150 and `dot_clean(1)`;
Microsoft's "System Volume Information" and Recycle Bin; Synology's and QNAP's lists of what they don't synchronise.
"""

from __future__ import annotations

import re
from typing import Final

_FOLDERS: Final = (
    rb"@eaDir|@SynoEAStream|@SynoResource|#recycle|@Recycle|\.@__thumb|@Recently-Snapshot"
    rb"|\.Spotlight-V100|\.Trashes|\.fseventsd|\.TemporaryItems|\.DocumentRevisions-V100|lost\+found"
    rb"|(?i:System Volume Information|\$RECYCLE\.BIN)"
)
_FILES: Final = rb"\.DS_Store|(?i:Thumbs\.db|ehthumbs\.db|desktop\.ini)|[^/]+@Syno(?:EAStream|Resource)"
_SIDECAR: Final = re.compile(rb"(?:.*/)?(?:(?:" + _FOLDERS + rb")/.*|(?:" + _FILES + rb"))\Z", re.DOTALL)
_DOUBLE: Final = b"._"


def is_sidecar(name: bytes) -> bool:
    """Tell whether a system keeps such a file beside the data, by its name or by that of a folder above it."""
    return _SIDECAR.match(name) is not None


def doubled(name: bytes) -> bytes | None:
    """Return which file or folder this one would be the AppleDouble of (`a/._b` beside `a/b`); None where of none."""
    folder, slash, last = name.rpartition(b"/")
    if not last.startswith(_DOUBLE) or last == _DOUBLE:
        return None
    return folder + slash + last[len(_DOUBLE) :]


def may_be_sidecar(name: bytes) -> bool:
    """Tell whether a system may have put the file there: such a one says nothing of when a backup was made."""
    return is_sidecar(name) or doubled(name) is not None
