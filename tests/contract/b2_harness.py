"""B2 joins the contract against the embedded server."""

from __future__ import annotations

from typing import ClassVar

from b2_copy import B2Copy
from contract.through import Through


class B2Harness(Through):
    """A prefix of a bucket."""

    kind = "b2"
    copy_type = B2Copy
    times_change = fails_by_exceptions = False
    cannot_hold = frozenset({"not UTF-8", "newline", "control", "255 bytes", "backslash"})
    leaves_out: ClassVar = {
        "link": "B2 has no links",
        "pipe": "B2 has no pipes",
        "socket": "B2 has no sockets",
        "outside": "B2 has no folders to climb out of",
        "damage": "B2 has no file that fails by itself: its bytes are hashed here",
        "reply_short": "HTTP states the length of a reply: one that is shorter is a break",
        "impersonate": "who answers for B2 is shown by TLS, which the embedded server does not speak",
        "fall_silent": "b2sdk's own waits are minutes long; those of the place are its own tests",
    }
