"""What a key may do → what the proof says of it, and the command that makes a better one where it may do too much."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import Final

from verifier import relpath
from verifier.sources.places.b2.address import B2Address

_ENOUGH: Final = "listBuckets,listFiles,readFiles,readBucketRetentions,readFileRetentions"


def note(capabilities: Iterable[str]) -> str:
    """Return the sentence that names what the key may do."""
    return f"the key may {', '.join(relpath.show(one) for one in sorted(capabilities)) or 'do nothing'}"


def warnings(capabilities: Iterable[str], address: B2Address) -> tuple[str, ...]:
    """Return what is wrong with a key that could change or delete the copy which it is meant to prove."""
    too_much = sorted(one for one in capabilities if changes(one))
    if not too_much:
        return ()
    limit = f" --name-prefix {shlex.quote(address.prefix)}" if address.prefix else ""
    better = f"b2 key create --bucket {address.bucket}{limit} restore-verifier {_ENOUGH}"
    shown = ", ".join(relpath.show(one) for one in too_much)
    return (f"the key could change or delete the copy ({shown}); a key that only reads: {better}",)


def changes(capability: str) -> bool:
    """Tell whether a capability lets its holder change anything."""
    return capability.startswith(("write", "delete", "bypass"))
