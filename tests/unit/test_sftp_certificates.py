"""A host's certificate: for this host, for now, by the authority that it names, and as that signed it."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest
from sshd import make_key, public_key

from verifier.errors import HostKeyError
from verifier.sources.places.sftp import certificates


def certified(folder: Path, *more: str, kind: str = "ed25519") -> tuple[bytes, bytes]:
    """Return a certificate and the key of its authority."""
    authority, key = make_key(folder / "authority", kind=kind), make_key(folder / "key", kind=kind)
    command = ["ssh-keygen", "-q", "-s", str(authority), "-I", "nas at home", "-n", "nas,*.lan", *more, f"{key}.pub"]
    subprocess.run(command, check=True, capture_output=True)
    blobs = (folder / "key-cert.pub").read_text("ascii").split()[1], public_key(authority).split()[1]
    return base64.b64decode(blobs[0]), base64.b64decode(blobs[1])


def believed(blob: bytes, authority: bytes) -> bool:
    try:
        if certificates.signer_of(blob) != authority:
            return False
        certificates.check(blob, "nas")
    except HostKeyError:
        return False
    return True


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_a_certificate_and_each_of_its_bytes(tmp_path: Path, kind: str) -> None:
    blob, authority = certified(tmp_path, "-h", kind=kind)
    assert certificates.signer_of(blob) == authority
    for host in ("nas", "NAS", "nas.lan"):
        certificates.check(blob, host)
    with pytest.raises(HostKeyError, match="for other names"):
        certificates.check(blob, "nas.example")
    # What is signed, and the last bytes of the signature; how it is wrapped between them may be said in several ways.
    signed = len(certificates._read(blob).signed)
    for place in [*range(0, signed, 7), *range(len(blob) - 20, len(blob))]:
        forged = blob[:place] + bytes([blob[place] ^ 1]) + blob[place + 1 :]
        assert not believed(forged, authority), place
    for length in range(0, len(blob), 11):
        with pytest.raises(HostKeyError):
            certificates.check(blob[:length], "nas")


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ((), "a user's"),
        (("-h", "-V", "-2d:-1d"), "valid now"),
        (("-h", "-V", "+1d:+2d"), "valid now"),
    ],
)
def test_a_certificate_that_is_not_for_a_host_or_not_for_now(tmp_path: Path, more: tuple[str, ...], told: str) -> None:
    blob, _ = certified(tmp_path, *more)
    with pytest.raises(HostKeyError, match=told):
        certificates.check(blob, "nas")


def test_a_certificate_for_nobody_is_for_nobody(tmp_path: Path) -> None:
    make_key(tmp_path / "authority")
    key = make_key(tmp_path / "key")
    command = ["ssh-keygen", "-q", "-s", str(tmp_path / "authority"), "-I", "x", "-h", f"{key}.pub"]
    subprocess.run(command, check=True, capture_output=True)
    blob = base64.b64decode((tmp_path / "key-cert.pub").read_text("ascii").split()[1])
    with pytest.raises(HostKeyError, match="for other names"):
        certificates.check(blob, "nas")
