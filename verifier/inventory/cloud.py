"""What the system says of a file → whether its bytes are in a cloud only, so that opening it would fetch them.

Sources: Apple's `sys/stat.h` (SF_DATALESS); Microsoft's "File Attribute Constants".
"""

from __future__ import annotations

import os
from typing import Final

_SF_DATALESS: Final = 0x4000_0000
_OFFLINE: Final = 0x0000_1000
_RECALL_ON_OPEN: Final = 0x0004_0000
_RECALL_ON_DATA_ACCESS: Final = 0x0040_0000
_WINDOWS_ATTRIBUTES: Final = _OFFLINE | _RECALL_ON_OPEN | _RECALL_ON_DATA_ACCESS

IS_TOLD_HERE: Final = hasattr(os.stat_result, "st_flags") or hasattr(os.stat_result, "st_file_attributes")
"""Whether this system marks such files at all; Linux does not."""


def is_cloud_only(status: object) -> bool:
    """Tell whether a file with this `os.stat_result` is a placeholder for bytes that are elsewhere."""
    return bool(
        getattr(status, "st_flags", 0) & _SF_DATALESS or getattr(status, "st_file_attributes", 0) & _WINDOWS_ATTRIBUTES
    )
