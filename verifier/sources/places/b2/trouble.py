"""What B2 answers when it refuses → our errors. Of its own words, only a plain code is repeated.

An address with a token in it, a key, or what a server makes of either can then never come into a message.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from verifier.errors import AbsentError, AccessDeniedError, SourceError, UnreachableError

_PLAIN: Final = re.compile(r"[a-z][a-z_]{0,59}\Z")
_GONE: Final = frozenset({"no_such_file", "file_not_present", "not_found"})
RETRIED: Final = frozenset({408, 429, 500, 502, 503, 504})
EXPIRED: Final = frozenset({"expired_auth_token", "bad_auth_token"})
CAP_HINT: Final = "raise the cap at Backblaze under Caps & Alerts, or wait until it is counted anew"


class _Trouble(msgspec.Struct, frozen=True):
    code: str = ""


def code_of(body: bytes) -> str:
    """Return the code that an answer's body states; empty where it states none, or none that is plain."""
    try:
        code = msgspec.json.decode(body, type=_Trouble).code
    except msgspec.DecodeError:
        return ""
    return code if _PLAIN.match(code) else ""


def answered(status: int, code: str) -> str:
    """Return status and code for a message."""
    return f"{status} {code}" if code else str(status)


def file_error(status: int, code: str, shown: str) -> SourceError:
    """Return what an answer means for the one file that was asked for."""
    said = answered(status, code)
    if status in (404, 410) or code in _GONE:
        return AbsentError(f"expected the listed version of {shown}, got {said}")
    if status in (401, 403):
        return AccessDeniedError(f"can't read {shown}: B2 answered {said}", hint="give the key the right readFiles")
    if status in RETRIED:
        return UnreachableError(f"can't read {shown}: B2 answered {said} again and again")
    return SourceError(f"can't read {shown}: B2 answered {said}")


def cap_error(what: str) -> AccessDeniedError:
    """Return the error of an account whose owner limited what it may cost."""
    return AccessDeniedError(f"{what}: the account's own cap is reached", hint=CAP_HINT)


def is_cap(status: int, code: str) -> bool:
    """Tell whether an answer means that a cap is reached."""
    return status == 403 and code.endswith("cap_exceeded")  # noqa: PLR2004 - HTTP's number
