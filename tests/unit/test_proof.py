from __future__ import annotations

import json

import msgspec
import pytest
from sample_proof import sample_proof

from verifier import proof as proofs
from verifier.errors import BundleError
from verifier.proof import CopyFacts, Count, Proof


def _with_first_copy(**changes: object) -> Proof:
    proof = sample_proof()
    first: CopyFacts = msgspec.structs.replace(proof.copies[0], **changes)
    return msgspec.structs.replace(proof, copies=(first,))


def test_keys_are_sorted_at_every_level_and_there_is_no_space() -> None:
    data = proofs.to_bytes(sample_proof())
    # The standard library's encoder agrees on all but characters beyond ASCII, which ours writes as they are.
    again = json.dumps(json.loads(data), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert data.decode() == again + "\n"


@pytest.mark.parametrize(
    ("files", "written"),
    [
        (2**53 - 1, b"9007199254740991"),
        (2**53, b"9007199254740992"),
        (2**53 + 1, b'"9007199254740993"'),
        (2**63 - 1, b'"9223372036854775807"'),
    ],
)
def test_integers_that_a_double_can_not_hold_are_strings(files: int, written: bytes) -> None:
    proof = _with_first_copy(listed=Count(files=files, bytes=1))
    data = proofs.to_bytes(proof)
    assert b'"listed":{"bytes":1,"files":' + written + b"}" in data
    assert proofs.from_bytes(data) == proof


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_are_none_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        proofs.to_bytes(_with_first_copy(measured={"seconds": value}))


GOOD = proofs.to_bytes(sample_proof())


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(GOOD[:-1], id="no newline"),
        pytest.param(GOOD + b"\n", id="two newlines"),
        pytest.param(b" " + GOOD, id="space before"),
        pytest.param(GOOD.replace(b'"drill":{', b'"drill": {', 1), id="space inside"),
        pytest.param(GOOD.replace(b"95", b"9.5e1", 1), id="another number"),
        pytest.param(GOOD.replace(b'"number":12', b'"number":"12"'), id="a string for a small number"),
        pytest.param(GOOD.replace(b'"9007199254740993"', b"9007199254740993"), id="a large number as such"),
        pytest.param(GOOD.replace(b'"nas"', b'"n\\u0061s"', 1), id="another escape"),
        pytest.param(GOOD.replace(b'{"copies"', b'{"added":1,"copies"', 1), id="a fact that no version has"),
        pytest.param(json.dumps(json.loads(GOOD), indent=1).encode() + b"\n", id="pretty"),
        pytest.param(GOOD.replace(b'"proof":"verifier/1"', b'"proof":"verifier/2"'), id="another version"),
        pytest.param(GOOD.replace(b'"FAILED"', b'"FINE"', 1), id="a verdict that is none"),
        pytest.param(GOOD[: len(GOOD) // 2], id="cut off"),
        pytest.param(b"", id="empty"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(b'{"proof":"\xff"}\n', id="not UTF-8"),
    ],
)
def test_what_is_not_canonical_is_refused(data: bytes) -> None:
    assert data != GOOD
    with pytest.raises(BundleError, match="expected a proof"):
        proofs.from_bytes(data)
