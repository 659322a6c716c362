"""A proof and the sums of its bundle → an in-toto Statement in a DSSE envelope, for those whose tools read such.

Sources: in-toto Attestation Framework, Statement v1; DSSE protocol v1 (the bytes that are signed are the "PAE" of
payload type and payload). The signature is the key's own, over those bytes: Ed25519, or ECDSA in DER. An SSH key of
another kind can't make one; then the bundle has `SHA256SUMS.sig` alone.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from verifier import proof as proofs
from verifier import signing
from verifier.proof import CopyFacts, Proof

STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "urn:restore-verifier:restore-proof:v1"
PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"


def statement(proof: Proof, sums: Mapping[str, str]) -> dict[str, Any]:
    """Return what is stated: of which files, by their SHA-256, and what the drill came to.

    Args:
        proof: parsed back from its own bytes.
        sums: the SHA-256 of each file of the bundle, by name.
    """
    subjects = [{"name": name, "digest": {"sha256": sums[name]}} for name in sorted(sums)]
    manifest = {"name": f"manifests/{proof.manifest.identity}", "digest": {"sha256": proof.manifest.identity}}
    drill = proof.drill
    return {
        "_type": STATEMENT_TYPE,
        "subject": subjects if proof.manifest.live else [*subjects, manifest],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "tool": {"name": proof.tool.name, "version": proof.tool.version},
            "scenario": proof.scenario.name,
            "drill": {
                "id": drill.id,
                "number": drill.number,
                "previous": drill.previous,
                "machine": drill.machine,
                "startedAt": drill.started_at,
                "finishedAt": drill.finished_at,
            },
            "manifest": {"identity": proof.manifest.identity, "digest": proof.manifest.digest},
            "copies": [_copy(copy) for copy in proof.copies],
            "verdict": proof.verdict.result,
        },
    }


def _copy(copy: CopyFacts) -> dict[str, Any]:
    counts = {
        "population": copy.population,
        "planned": copy.planned,
        "proven": copy.proven,
    }
    return {
        "name": copy.name,
        "verdict": copy.verdict.result,
        "depth": copy.depth,
        **{name: {"files": count.files, "bytes": count.bytes} for name, count in counts.items()},
    }


def envelope(content: Mapping[str, Any], *, sign: Callable[[bytes], bytes], fingerprint: str) -> bytes | None:
    """Return a statement in a signed DSSE envelope, as canonical JSON; None where the key makes no such signature.

    Args:
        content: the statement.
        sign: returns a signature as SSH writes it on the wire (`Signer.sign_raw`).
        fingerprint: the key's, which names it in the envelope.

    Raises:
        SignatureError: the key could not sign.
    """
    payload = proofs.canonical(content)
    signature = signing.raw_signature(sign(pre_authentication(PAYLOAD_TYPE, payload)))
    if signature is None:
        return None
    return proofs.canonical(
        {
            "payloadType": PAYLOAD_TYPE,
            "payload": base64.b64encode(payload).decode(),
            "signatures": [{"keyid": fingerprint, "sig": base64.b64encode(signature).decode()}],
        }
    )


def pre_authentication(payload_type: str, payload: bytes) -> bytes:
    """Return the bytes that a DSSE signature is of."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def statement_of(envelope_bytes: bytes) -> dict[str, Any]:
    """Return the statement in an envelope, unverified.

    Raises:
        ValueError: there is none.
    """
    try:
        outer = msgspec.json.decode(envelope_bytes, type=dict[str, Any])
        return msgspec.json.decode(base64.b64decode(outer["payload"], validate=True), type=dict[str, Any])
    except (msgspec.MsgspecError, KeyError, TypeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError("expected a DSSE envelope with a statement, got something else") from error


SCHEMA: Final[dict[str, Any]] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": PREDICATE_TYPE,
    "title": "what a drill of a restore came to",
    "type": "object",
    "required": ["tool", "scenario", "drill", "manifest", "copies", "verdict"],
    "$defs": {
        "verdict": {"enum": ["PASSED", "WARNED", "FAILED", "INCONCLUSIVE"]},
        "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
        "count": {
            "type": "object",
            "required": ["files", "bytes"],
            "properties": {name: {"type": ["integer", "string"]} for name in ("files", "bytes")},
        },
    },
    "properties": {
        "tool": {"type": "object", "required": ["name", "version"]},
        "scenario": {"type": "string"},
        "drill": {
            "type": "object",
            "required": ["id", "number", "previous", "machine", "startedAt", "finishedAt"],
            "properties": {
                "number": {"type": "integer", "minimum": 1},
                "previous": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/sha256"}]},
            },
        },
        "manifest": {
            "type": "object",
            "required": ["identity", "digest"],
            "properties": {"identity": {"$ref": "#/$defs/sha256"}},
        },
        "copies": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "verdict", "depth", "population", "planned", "proven"],
                "properties": {
                    "verdict": {"$ref": "#/$defs/verdict"},
                    **{name: {"$ref": "#/$defs/count"} for name in ("population", "planned", "proven")},
                },
            },
        },
        "verdict": {"$ref": "#/$defs/verdict"},
    },
}
"""The JSON Schema (draft 2020-12) of the predicate."""
