from __future__ import annotations

from pathlib import Path

import pytest

from verifier.cli.init import copies
from verifier.errors import UsageError
from verifier.scenario.section import Base
from verifier.scenario.writing import CopyDraft

BASE = Base(folder=Path("/house"), home=Path("/home/ada"))


def parsed(text: str, *taken: str) -> CopyDraft:
    return copies.parse_copy(text, BASE, taken)


def test_a_comma_ends_the_address_only_where_a_key_follows() -> None:
    assert parsed("nas/a, b,c=d,site=home,times=false").at == "/house/nas/a, b,c=d"
    assert parsed("nas/a, b,c=d,site=home,times=false").keys == {"site": "home", "times": False}


@pytest.mark.parametrize(
    ("address", "at", "name", "keys"),
    [
        ("nas/Fotos Ähm", "/house/nas/Fotos Ähm", "fotos-ahm", {}),
        ("~/nas", "~/nas", "nas", {}),
        ("/media/ada/drawer", "/media/ada/drawer", "drawer", {"medium": "usb"}),
        ("写真", "/house/写真", "copy", {}),
        ("sftp://drill@nas.lan/x", "sftp://drill@nas.lan/x", "nas", {"medium": "nas", "site": "home"}),
        ("sftp://192.168.1.4/x", "sftp://192.168.1.4/x", "192", {"medium": "nas", "site": "home"}),
        ("sftp://u1.example.org/x", "sftp://u1.example.org/x", "u1", {"medium": "nas", "site": "offsite"}),
        ("b2://bucket/x", "b2://bucket/x", "b2", {"medium": "cloud", "site": "offsite"}),
    ],
)
def test_what_an_address_tells_by_itself(address: str, at: str, name: str, keys: dict[str, object]) -> None:
    copy = parsed(address)
    assert (copy.at, copy.name, copy.keys) == (at, name, keys)


def test_what_is_stated_wins_over_what_is_proposed_and_names_differ() -> None:
    assert parsed("b2://b/x,site=home,name=cloud").keys == {"medium": "cloud", "site": "home"}
    assert parsed("b2://b/x,site=home,name=cloud").name == "cloud"
    assert parsed("b2://b/x", "b2", "b2-2").name == "b2-3"
    with pytest.raises(UsageError, match="expected a copy's own name"):
        parsed("x,name=b2", "b2")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("key=env:B2_KEY", {"env": "B2_KEY"}),
        ("key=file:secrets/b2", {"file": "/house/secrets/b2"}),
        ("key=file:~/b2", {"file": "~/b2"}),
        ("key=keyring:backup/b2", {"keyring": "backup/b2"}),
        ("identity=keys/id", "/house/keys/id"),
        ("known_hosts=~/.ssh/known_hosts", "~/.ssh/known_hosts"),
        ("immutable=true", True),
        ("live=true", None),
        ("rate=10MiB/s", "10MiB/s"),
    ],
)
def test_values_are_what_the_scenario_is_to_state(text: str, value: object) -> None:
    if value is None:
        assert parsed(f"x,{text}").at == f"/house/x,{text}"  # no key of a copy that is drilled
    else:
        assert copies.read_key(text, BASE)[1] == value


@pytest.mark.parametrize(
    "text", ["key=hunter2", "key=env:", "key=command:hunter2", "key=env:hunter2!", "password=hunter2"]
)
def test_a_secret_itself_is_never_taken_nor_repeated(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        copies.read_key(text, BASE)
    assert "hunter2" not in caught.value.message


@pytest.mark.parametrize("folder", [b"a\nb", b"\xff", b"~", b"../x"])
def test_a_folder_that_an_address_cannot_name_is_refused(folder: bytes) -> None:
    with pytest.raises(UsageError, match="expected a folder of plain names in UTF-8"):
        copies.below("sftp://nas/x", folder, BASE)


def test_a_listed_name_is_none_of_an_address(tmp_path: Path) -> None:
    assert copies.below("sftp://nas/x", b"100%41", BASE) == "sftp://nas/x/100%2541"
    assert copies.below("/mnt", b"100%41", BASE) == "/mnt/100%41"
