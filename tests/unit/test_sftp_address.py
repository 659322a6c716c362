from __future__ import annotations

import pytest

from verifier.errors import UsageError
from verifier.sources.places.sftp.address import SftpAddress, parse
from verifier.sources.table import address_problem, folder_of


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("sftp://drill@nas.lan/photos", SftpAddress(host="nas.lan", path=b"/photos", user="drill")),
        ("SFTP://nas:2222/photos/", SftpAddress(host="nas", path=b"/photos", port=2222)),
        ("sftp://nas/", SftpAddress(host="nas", path=b"/")),
        ("sftp://nas/~", SftpAddress(host="nas", path=b".")),
        ("sftp://nas/~/a b/", SftpAddress(host="nas", path=b"a b")),
        ("sftp://nas/~other", SftpAddress(host="nas", path=b"/~other")),
        ("sftp://a.b@[fe80::1%eth0]:22/x", SftpAddress(host="fe80::1%eth0", path=b"/x", user="a.b", port=22)),
        ("sftp://nas/%ff%2F%25/é", SftpAddress(host="nas", path=b"/\xff/%/\xc3\xa9")),
        ("sftp://nas/a@b:c", SftpAddress(host="nas", path=b"/a@b:c")),
    ],
)
def test_addresses(text: str, parts: SftpAddress) -> None:
    assert parse(text) == parts
    assert address_problem(text) is None
    assert folder_of(text) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sftp:nas/x", "another address"),
        ("sftp://nas", "without a path"),
        ("sftp:///x", "the host "),
        ("sftp://-oProxyCommand=x/y", "the host -oProxyCommand=x"),
        ("sftp://a b/x", "the host a b"),
        ("sftp://[x]/y", r"the host \[x\]"),
        ("sftp://-l@nas/x", "the user -l"),
        ("sftp://@nas/x", "the user "),
        ("sftp://nas:0/x", "the port 0"),
        ("sftp://nas:70000/x", "the port 70000"),
        ("sftp://nas:/x", "the port "),
        ("sftp://nas:٢٢/x", "the port "),
        ("sftp://nas/%00", "a NUL"),
    ],
)
def test_texts_that_are_none(text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        parse(text)
    assert address_problem(text) is not None


def test_a_password_in_an_address_is_not_repeated() -> None:
    with pytest.raises(UsageError, match="with a password") as caught:
        parse("sftp://drill:hunter2@nas/x")
    assert "hunter2" not in caught.value.message
