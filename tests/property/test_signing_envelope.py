"""Envelopes of SSH signatures: what is written is read again, and nothing else is taken for one."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.errors import SignatureError
from verifier.signing import AllowedSigner, AllowedSigners, Standing, new_key, open_signer, verify
from verifier.signing.envelope import HASHES, Envelope, armored, opened

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@given(st.binary(max_size=600), st.text(max_size=40), st.sampled_from(HASHES), st.binary(max_size=600))
def test_what_is_written_is_read_again(key: bytes, namespace: str, hash_name: str, signature: bytes) -> None:
    envelope = Envelope(public_key=key, namespace=namespace, hash_name=hash_name, signature=signature)
    text = armored(envelope)
    assert opened(text) == envelope
    assert max(map(len, text.splitlines())) <= 70
    assert opened(text.replace(b"\n", b"\r\n")) == envelope


@given(st.binary(max_size=300))
def test_other_bytes_are_refused_in_words(blob: bytes) -> None:
    for text in (
        blob,
        b"-----BEGIN SSH SIGNATURE-----\n" + base64.b64encode(blob) + b"\n-----END SSH SIGNATURE-----\n",
    ):
        with pytest.raises(SignatureError):
            opened(text)


@cache
def _signed() -> tuple[AllowedSigners, bytes]:
    with TemporaryDirectory() as folder:
        new_key(Path(folder, "id"), comment="test")
        with open_signer(Path(folder, "id")) as signer:
            allowed = AllowedSigners(lines=(AllowedSigner(principals="ana", public_key=signer.public_key),))
            return allowed, signer.sign(b"message", namespace="restore-proof")


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_no_changed_byte_of_a_signature_is_good(place: int, change: int) -> None:
    allowed, signature = _signed()
    lines = signature.split(b"\n")
    blob = bytearray(base64.b64decode(b"".join(lines[1:-2])))
    blob[place % len(blob)] ^= change
    changed = b"\n".join((lines[0], base64.b64encode(blob), lines[-2], b""))
    found = verify(b"message", changed, namespace="restore-proof", allowed=allowed, at=NOW)
    assert found.standing != Standing.GOOD  # a key that is spelt otherwise is another one, which nobody listed
    assert verify(b"message", signature, namespace="restore-proof", allowed=allowed, at=NOW).standing == Standing.GOOD
