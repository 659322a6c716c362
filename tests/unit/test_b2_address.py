"""An address of B2: the prefix ends in a slash, and nothing that would lead elsewhere is taken."""

from __future__ import annotations

import pytest

from verifier.errors import UsageError
from verifier.sources.places.b2.address import B2Address, parse, problem, realm_problem
from verifier.sources.table import address_problem, folder_of


@pytest.mark.parametrize(
    ("address", "bucket", "prefix"),
    [
        ("b2://family-backup", "family-backup", ""),
        ("b2://family-backup/", "family-backup", ""),
        ("b2://family-backup/photos", "family-backup", "photos/"),
        ("b2://family-backup/photos/", "family-backup", "photos/"),
        ("B2://family-backup/photos/2015", "family-backup", "photos/2015/"),
        ("b2://Family0/a b/%41?#[x]", "Family0", "a b/%41?#[x]/"),
    ],
)
def test_the_prefix_ends_in_a_slash(address: str, bucket: str, prefix: str) -> None:
    assert parse(address) == B2Address(bucket=bucket, prefix=prefix)
    assert problem(address) is None
    assert address_problem(address) is None
    assert folder_of(address) is None


@pytest.mark.parametrize(
    "address",
    [
        "b2:",
        "b2://",
        "b2:///photos",
        "b2:bucket",
        "b2://a_b",
        "b2://buc ket",
        "b2://b/../x",
        "b2://b/a//b",
        "b2://b/./a",
    ],
)
def test_what_is_no_bucket_and_prefix_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="expected b2://bucket/prefix"):
        parse(address)
    assert "expected b2://bucket/prefix" in (address_problem(address) or "")


def test_a_password_in_an_address_is_no_bucket() -> None:
    assert problem("b2://key:secret@bucket/photos") is not None


@pytest.mark.parametrize(
    "realm", ["https://api.backblazeb2.com", "http://127.0.0.1:8080", "http://[::1]:1", "http://localhost"]
)
def test_a_realm_is_a_url(realm: str) -> None:
    assert realm_problem(realm) is None


@pytest.mark.parametrize(
    "realm",
    [
        "production",
        "ftp://api.backblazeb2.com",
        "http://api.backblazeb2.com",
        "http://127.0.0.1.evil.example",
        "https://user:password@api.backblazeb2.com",
        "https://api.backblazeb2.com/?token=x",
        "https://",
        "https://host:port",
        "https://host:99999",
    ],
)
def test_a_realm_that_would_give_the_key_away_is_refused(realm: str) -> None:
    told = realm_problem(realm)
    assert told is not None
    assert "password@" not in told
    assert "token" not in told
