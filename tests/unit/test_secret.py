from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from verifier.errors import ScenarioError
from verifier.scenario import load
from verifier.secret import SecretReference, parse

PLANTED = "K0012hunter2hunter2"


def absolute(text: str) -> str:
    return f"/scenarios/{text}"


@pytest.mark.parametrize(
    ("value", "kind", "words"),
    [
        ({"env": "B2_KEY"}, "env", ("B2_KEY",)),
        ({"file": "secrets/b2"}, "file", ("/scenarios/secrets/b2",)),
        ({"credential": "b2.key"}, "credential", ("b2.key",)),
        ({"keyring": "verifier/b2"}, "keyring", ("verifier/b2",)),
        ({"command": ["pass", "b2"]}, "command", ("pass", "b2")),
    ],
)
def test_references(value: dict[str, Any], kind: str, words: tuple[str, ...]) -> None:
    reference = parse(value, resolve=absolute)
    assert reference == SecretReference(kind=kind, words=words)
    assert repr(reference) == str(reference) == f"SecretReference({kind})"


WRONG = [
    PLANTED,
    [PLANTED],
    5,
    {},
    {PLANTED: "x"},
    {"env": "A", "file": PLANTED},
    {"env": f"{PLANTED}=="},
    {"env": [PLANTED]},
    {"file": f"{PLANTED}\n"},
    {"credential": f"../{PLANTED}"},
    {"keyring": f"\x1b{PLANTED}"},
    {"command": PLANTED},
    {"command": []},
    {"command": [PLANTED, 5]},
    {"command": [PLANTED, ""]},
]


@pytest.mark.parametrize("value", WRONG)
def test_what_is_no_reference_is_refused_and_not_repeated(value: object) -> None:
    with pytest.raises(ScenarioError, match=r"^expected .*, got .*\(not shown\)$") as caught:
        parse(value, resolve=absolute)
    assert "hunter2" not in repr(caught.value) + str(caught.value.hint)


@pytest.mark.parametrize(
    "stated",
    [
        f'key = "{PLANTED}"',
        f'key_id = "{PLANTED}"',
        f'key = ["{PLANTED}"]',
        f'key = {{ env = "{PLANTED}==" }}',
        f'key = {{ value = "{PLANTED}" }}',
        f'key = {{ command = "echo {PLANTED}" }}',
        f'key = {{ file = "k", env = "{PLANTED}" }}',
        f'password = "{PLANTED}"',
        f'identity = """-----BEGIN OPENSSH PRIVATE KEY-----\n{PLANTED}\n"""',
        f'at = "sftp://drill:{PLANTED}@nas/photos"',
        f'at = "https://drill:{PLANTED}@nas/photos"',
        f'at = "rclone::b2,account=a,key={PLANTED}:photos"',
        f'key = {{ command = ["echo", "{PLANTED}"] }}',
        f"key = {PLANTED}",
        f'key "{PLANTED}"',
    ],
)
def test_no_secret_in_a_scenario_is_ever_repeated(tmp_path: Path, stated: str) -> None:
    at = "" if stated.startswith("at") else 'at = "/mnt"\n'
    path = tmp_path / "a.toml"
    path.write_text(f'name = "a"\nmanifest = "m"\n[[copy]]\nname = "nas"\n{at}{stated}\n', "utf-8")
    with pytest.raises(ScenarioError) as caught:
        load(path)
    assert len(caught.value.message.splitlines()) == 1
    assert "hunter2" not in repr(caught.value) + str(caught.value.hint)


def test_no_secret_in_the_shared_file_is_repeated(tmp_path: Path) -> None:
    (tmp_path / "verifier.toml").write_text(f'[place.nas]\nkey = "{PLANTED}"\n', "utf-8")
    path = tmp_path / "a.toml"
    path.write_text('name = "a"\nmanifest = "m"\n[[copy]]\nname = "nas"\nat = "/mnt"\n', "utf-8")
    with pytest.raises(ScenarioError, match="place") as caught:
        load(path)
    assert "hunter2" not in repr(caught.value)
