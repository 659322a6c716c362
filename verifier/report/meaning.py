"""Every word that a proof may hold → one line that somebody who never saw this program understands."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Final

from verifier.outcome import FindingKind, Reason

VERDICTS: Final[Mapping[str, str]] = {
    "PASSED": "Nothing that was checked is missing or damaged, and everything that had to be told could be told.",
    "WARNED": "No loss or damage was found, but something needs a look.",
    "FAILED": "Loss or damage was found, or an objective was missed.",
    "INCONCLUSIVE": "Something could not be told, so nothing is claimed: this is neither a pass nor a failure.",
}

KINDS: Final[Mapping[FindingKind, str]] = {
    FindingKind.MISMATCH: "The file came back with the expected size but other bytes: it is damaged or swapped.",
    FindingKind.MISSING: "The manifest has the file, the copy doesn't: after a loss it could not be brought back.",
    FindingKind.TRUNCATED: "The file came back shorter than it was: its end is lost.",
    FindingKind.GROWN: "The file came back longer than it was, without being newer: it is not the same file any more.",
    FindingKind.UNREADABLE: "The copy has the file but can't hand it out whole: a bad sector, or a check inside fails.",
    FindingKind.UNSAFE_PATH: "The name would lead out of the folder it belongs to, so it was not restored.",
    FindingKind.PROBE_FAILED: "The bytes came back, but the file could not be opened as what its name says it is.",
    FindingKind.STALE: "The newest state of the copy is older than the owner allows.",
    FindingKind.SLOW: "Restoring everything from this copy is projected to take longer than the owner allows.",
    FindingKind.DELETED_AT_SOURCE: "Neither the copy nor the live data has the file any more: somebody deleted it.",
    FindingKind.MOVED: "The file is not where the manifest has it; the same content lies under another name.",
    FindingKind.UNEXPECTED: "The copy holds a file that the manifest does not know, although it is not newer.",
    FindingKind.OVERDUE: "The file has not been proven from this copy for longer than the owner allows.",
    FindingKind.CHANGED: "Newer in the copy than in the manifest, so not comparable; damage where nothing may change.",
    FindingKind.EDITED: "The live file was edited after the copy was made, so the two can't be compared.",
    FindingKind.NEW: "The file is newer than the manifest and not in it: nothing is known of what it should be.",
    FindingKind.NOT_YET: "The live file is newer than everything in the copy: it is not backed up yet.",
}

REASONS: Final[Mapping[Reason, str]] = {
    Reason.UNREACHABLE: "The copy did not answer, or was not there.",
    Reason.ACCESS_DENIED: "The copy refused to hand the file out to this user.",
    Reason.INTERRUPTED: "The transfer broke off in the middle.",
    Reason.NO_SPACE: "The scratch area had no room for the file.",
    Reason.CANCELLED: "The drill was stopped before the file's turn.",
    Reason.TOOL_FAILED: "The program that restores from this copy failed.",
    Reason.CHANGED_DURING: "Somebody wrote to the file while it was being restored.",
    Reason.OVER_BUDGET: "The budget does not suffice: the file is larger, or the time was over; it was not drawn.",
}

DIGESTS: Final[Mapping[str, str]] = {
    "xxh3_128": "xxh3_128 shows accident, not malice: a bit that flipped by itself is seen, a forgery need not be.",
    "xxh3_64": "xxh3_64 shows accident, not malice: a bit that flipped by itself is seen, a forgery need not be.",
    "sha256": "sha256 is a cryptographic digest: it shows accident and malice.",
    "blake3": "blake3 is a cryptographic digest: it shows accident and malice.",
    "md5": "md5 shows accident, not malice: files that differ and share an md5 can be made on purpose.",
    "sha1": "sha1 shows accident, not malice: files that differ and share a sha1 can be made on purpose.",
    "sha224": "sha224 is a cryptographic digest: it shows accident and malice.",
    "sha384": "sha384 is a cryptographic digest: it shows accident and malice.",
    "sha512": "sha512 is a cryptographic digest: it shows accident and malice.",
    "blake2b": "blake2b is a cryptographic digest: it shows accident and malice.",
    "xxh64": "xxh64 shows accident, not malice: a bit that flipped by itself is seen, a forgery need not be.",
    "xxh32": "xxh32 shows accident, not malice, and not every one: of 4,000,000,000 damaged files one is not seen.",
}
UNKNOWN_DIGEST: Final = "It is not stated whether this checksum shows more than accident."

CHECKED_BY: Final[Mapping[str, str]] = {
    "xxh3_128": "xxhsum -H2",
    "xxh3_64": "xxhsum -H3",
    "sha256": "sha256sum",
    "blake3": "b3sum",
    "md5": "md5sum",
    "sha1": "sha1sum",
    "sha224": "sha224sum",
    "sha384": "sha384sum",
    "sha512": "sha512sum",
    "blake2b": "b2sum",
    "xxh64": "xxhsum -H1",
    "xxh32": "xxhsum -H0",
}
"""The stock program that prints a file's value in the form that the manifest has."""

DEPTHS: Final[Mapping[str, str]] = {
    "listed": "Listed only: names and sizes as the copy states them; no byte was read.",
    "size": "Sizes compared with the manifest; no byte was read.",
    "restored": "Restored from the copy into scratch, read back, every byte compared; not opened, not probed.",
    "probed": "Restored from the copy into scratch, read back, every byte compared, and opened by a probe.",
    "booted": "Restored from the copy into scratch, every byte compared, and started.",
}

READ_FROM: Final[Mapping[str, str]] = {
    "device": "the device: pages that the system held in memory were dropped before reading, but for the files that are"
    " counted among what was measured",
    "server": "the server that holds the copy",
    "cache possible": "possibly this machine's memory: that the bytes came from the medium itself is not shown",
}

SNAPSHOT_IS: Final[Mapping[str, str]] = {
    "the copy's own": "as the copy names it",
    "heartbeat": "when the live data wrote the heartbeat that the copy carries",
    "newest modification time": "the newest modification time found in the copy",
    "unknown": "the copy does not say which state it holds",
}

CONTROLS: Final[Mapping[str, str]] = {
    "detected": (
        "The drill tested itself: damage that it planted in a restored file, a file that exists nowhere and a wrong "
        "checksum for a file that is there were each reported."
    ),
    "undetected": "The drill failed its own test: damage that it planted was not reported. Rely on nothing below.",
    "not run": "The drill did not test itself on this copy, so its silence about damage proves nothing.",
}

SEED_SOURCES: Final[Mapping[str, str]] = {
    "fresh": "drawn by this machine after the plan's sizes were fixed",
    "public": "taken from a public source that nobody here controls",
    "given": "given by whoever started the drill, who could therefore know the sample beforehand",
}

LEFT_OUT: Final[Mapping[str, str]] = {
    "excluded": "excluded on purpose",
    "unreadable": "could not be read when the manifest was made",
    "cloud_only": "in the cloud only, without its bytes on the machine",
    "changing": "changed again and again while being read",
    "special": "pipes, sockets and devices, which hold no bytes",
}

RULE_HOLDS: Final[Mapping[bool | None, str]] = {True: "holds", False: "does not hold", None: "can't be told"}

MEASURED: Final[Mapping[str, str]] = {
    "listing_seconds": "Time spent listing",
    "seconds": "Time spent restoring",
    "bytes_restored": "Bytes that came from the copy",
    "bytes_per_second": "Rate of restoring",
    "files_maybe_from_memory": "Files that may have come from this machine's memory",
    "connect_seconds": "Longest wait for a connection",
    "first_byte_seconds": "Wait for the first byte of a batch, the median",
    "verify_seconds": "Time spent reading back and comparing, all workers together",
    "full_seconds": "Full restore",
    "projected_full_seconds": "Full restore",
    "projected_full_low_seconds": "Full restore, at least (95 %)",
    "projected_full_high_seconds": "Full restore, at most (95 %)",
    "restore_change_percent": "Full restore, change in 30 days over all drills, in percent",
    "pace_change_percent": "The same for equal data, in percent",
}
"""Labels of what was measured; a name that is not here is shown as it is."""


_WORDS: Final[Mapping[str, str]] = dict(chain[tuple[str, str]](KINDS.items(), REASONS.items()))


def of_word(word: str) -> str:
    """Return the line that explains a finding kind or a reason; of a word that is neither, that it is unknown."""
    return _WORDS.get(word, "This version of the program does not know the word.")
