"""`[place.nas]`: what copies share, who wins, and where each mistake is told."""

from __future__ import annotations

import hashlib
import re
import subprocess
from pathlib import Path

import pytest

from verifier.errors import ScenarioError
from verifier.scenario import load, load_all
from verifier.scenario.file import load_text
from verifier.scenario.place import join
from verifier.scenario.scenario import Copy, Scenario
from verifier.secret import SecretReference

HEAD = 'name = "photos"\nmanifest = "m"\n'
NAS = """[place.nas]
at = "sftp://drill@nas.lan/"
known_hosts = "hosts"
identity = "key"
medium = "nas"
site = "home"
rate = "10MiB/s"
"""


def given(folder: Path, scenario: str, shared: str = "", name: str = "photos") -> Path:
    (folder / "verifier.toml").write_text(shared, "utf-8")
    path = folder / f"{name}.toml"
    path.write_text(scenario, "utf-8")
    return path


def loaded(folder: Path, scenario: str, shared: str = "") -> Scenario:
    return load(given(folder, scenario, shared))


def told(folder: Path, scenario: str, shared: str = "") -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        load(given(folder, scenario, shared))
    return [line.removeprefix(f"{folder}/") for line in caught.value.message.splitlines()]


def test_a_copy_has_the_keys_of_its_place_and_its_path_below_it(tmp_path: Path) -> None:
    scenario = loaded(tmp_path, HEAD + '[[copy]]\nname = "nas"\nplace = "nas"\nat = "photos/2015/"\n', NAS)
    assert scenario.copies == (
        Copy(
            name="nas",
            at="sftp://drill@nas.lan/photos/2015",
            medium="nas",
            site="home",
            options={
                "known_hosts": (tmp_path / "hosts",),
                "identity": tmp_path / "key",
                "rate": 10 * 1024**2,
            },
        ),
    )


def test_without_a_path_the_copy_is_the_place_itself(tmp_path: Path) -> None:
    assert loaded(tmp_path, HEAD + '[[copy]]\nname = "a"\nplace = "nas"\n', NAS).copies[0].at == "sftp://drill@nas.lan/"


def test_a_place_without_an_address_shares_keys_alone(tmp_path: Path) -> None:
    shared = '[place.cloud]\nkey_id = { env = "ID" }\nkey = { file = "key.txt" }\nmedium = "cloud"\n'
    (copy,) = loaded(tmp_path, HEAD + '[[copy]]\nname = "a"\nplace = "cloud"\nat = "b2://bucket/x"\n', shared).copies
    assert (copy.at, copy.medium) == ("b2://bucket/x", "cloud")
    assert copy.options["key"] == SecretReference(kind="file", words=(str(tmp_path / "key.txt"),))


def test_what_stands_nearer_wins_key_by_key(tmp_path: Path) -> None:
    own = '[[copy]]\nname = "a"\nplace = "nas"\nsite = "cellar"\n[place.nas]\nat = "sftp://other/x"\nsite = "office"\n'
    (copy,) = loaded(tmp_path, HEAD + own + 'medium = "hdd"\n', NAS).copies
    assert (copy.at, copy.site, copy.medium) == ("sftp://other/x", "cellar", "hdd")
    assert copy.options["identity"] == tmp_path / "key"


def test_a_pinned_key_of_the_copy_stands_in_place_of_the_known_hosts_of_its_place(tmp_path: Path) -> None:
    pin = "SHA256:" + "a" * 43
    (copy,) = loaded(tmp_path, f'{HEAD}[[copy]]\nname = "a"\nplace = "nas"\nhost_key = "{pin}"\n', NAS).copies
    assert copy.options["host_key"] == pin
    assert "known_hosts" not in copy.options


def test_a_place_may_be_a_folder_beside_the_scenario(tmp_path: Path) -> None:
    shared = '[place.disk]\nat = "../disk"\nmount = "../disk"\n'
    (copy,) = loaded(tmp_path, HEAD + '[[copy]]\nname = "a"\nplace = "disk"\nat = "x/y"\n', shared).copies
    assert (copy.at, copy.mount) == (f"{tmp_path.parent}/disk/x/y", tmp_path.parent / "disk")


@pytest.mark.parametrize(
    "below",
    [
        "..", "../x", "a/../../x", "/etc", "a//b", "./a", "", "~", "~root/x", "sftp://evil/x", "a\nb", "a\0b", "a\x7fb",
        "%2e%2e/x", "a%2f..%2f..%2fx", "%2fetc", "%00", "%7e/x", "x" * 40_000,
    ],
)  # fmt: skip
def test_no_path_leads_out_of_its_place(below: str) -> None:
    with pytest.raises(ScenarioError, match="expected a path below the place's address, got "):
        join("sftp://drill@nas.lan/share", below)


@pytest.mark.parametrize(
    ("address", "below", "joined"),
    [
        ("sftp://nas/", "photos", "sftp://nas/photos"),
        ("sftp://nas/~/", "a b/ü", "sftp://nas/~/a b/ü"),
        ("b2://bucket", "%2e%2e", "b2://bucket/%2e%2e"),  # where the percent sign is nothing but itself
        ("/", "x", "/x"),
        ("~", "Pictures/", "~/Pictures"),
    ],
)
def test_a_path_is_put_below_the_address(address: str, below: str, joined: str) -> None:
    assert join(address, below) == joined


def test_an_unknown_place_is_told_once_with_what_was_likely_meant(tmp_path: Path) -> None:
    copy = '[[copy]]\nname = "a"\nplace = "nass"\nat = "photos"\nknown_hosts = "h"\n'
    sentence = "copy[1].place: expected {}, as [place.NAME] here or in verifier.toml, got"
    assert told(tmp_path, HEAD + copy, NAS) == [
        f'photos.toml:5: {sentence.format("a known place")} "nass"; did you mean nas?'
    ]
    assert told(tmp_path, HEAD + copy.replace("nass", "office"), NAS) == [
        f'photos.toml:5: {sentence.format("one of nas")} "office"'
    ]
    assert told(tmp_path, HEAD + copy) == [f'photos.toml:5: {sentence.format("a known place")} "nass"']


def test_nothing_is_held_against_a_shared_file_that_is_no_toml(tmp_path: Path) -> None:
    lines = told(tmp_path, HEAD + '[[copy]]\nname = "a"\nplace = "nas"\nat = "x"\n', "[place\n")
    assert len(lines) == 1
    assert lines[0].startswith("verifier.toml:1: expected TOML")


def test_a_hostile_path_is_told_at_the_copy(tmp_path: Path) -> None:
    assert told(tmp_path, HEAD + '[[copy]]\nname = "a"\nplace = "nas"\nat = "../etc"\n', NAS) == [
        'photos.toml:6: copy[1].at: expected a path below the place\'s address, got "../etc"'
    ]


def test_a_key_that_does_not_fit_is_told_where_it_stands_and_once(tmp_path: Path) -> None:
    """In the shared file for its own, at the copy for the copy's, whichever of several scenarios it is met in."""
    shared = NAS + 'mount = "/mnt"\n'
    copies = '[[copy]]\nname = "a"\nplace = "nas"\nat = "a"\nkey = { env = "K" }\n[[copy]]\nname = "b"\nplace = "nas"\n'
    one = given(tmp_path, HEAD + copies, shared)
    two = given(tmp_path, HEAD.replace("photos", "music") + copies, shared, name="music")
    with pytest.raises(ScenarioError) as caught:
        load_all([one, two])
    at = "sftp://drill@nas.lan/"
    assert caught.value.message.splitlines() == [
        f'{tmp_path}/verifier.toml:8: place.nas.mount: expected a folder as at, got "{at}a"',
        f'{one}:7: copy[1].key: expected an address of B2 as at, got "{at}a"',
        f'{two}:7: copy[1].key: expected an address of B2 as at, got "{at}a"',
    ]


def test_a_mistake_in_a_place_is_told_in_its_file_and_not_at_every_copy(tmp_path: Path) -> None:
    shared = '[place.nas]\nat = "sftp://nas"\nrate = 5\ncolour = 5\n'
    copies = "".join(f'[[copy]]\nname = "{name}"\nplace = "nas"\nat = "{name}"\n' for name in "ab")
    lines = told(tmp_path, HEAD + copies, shared)
    assert [line.split(": expected")[0] for line in lines] == [
        "verifier.toml:2: place.nas.at", "verifier.toml:3: place.nas.rate", "verifier.toml:4: place.nas.colour",
    ]  # fmt: skip


def test_a_mistake_in_the_scenarios_own_place_is_told_there(tmp_path: Path) -> None:
    text = HEAD + '[[copy]]\nname = "a"\nplace = "b2"\n[place.b2]\nat = "b2://bucket"\nkey_id = 5\n'
    lines = told(tmp_path, text)
    assert [line.split(": expected")[0] for line in lines] == [
        "photos.toml:3: copy[1].key",
        "photos.toml:8: place.b2.key_id",
    ]


def test_two_copies_of_one_address_are_told_at_the_second(tmp_path: Path) -> None:
    copies = "".join(f'[[copy]]\nname = "{name}"\nplace = "nas"\n' for name in "ab")
    assert told(tmp_path, HEAD + copies, NAS) == [
        'photos.toml:8: copy[2].place: expected a copy\'s own at, got that of another copy, "sftp://drill@nas.lan/"'
    ]


def test_a_command_counts_in_the_file_that_names_it(tmp_path: Path) -> None:
    shared = NAS.replace('identity = "key"', 'password = { command = ["pass", "nas"] }')
    path = given(tmp_path, HEAD + '[[copy]]\nname = "a"\nplace = "nas"\n', shared)
    path.chmod(0o666)
    (tmp_path / "verifier.toml").chmod(0o644)
    assert load(path).copies[0].options["password"] == SecretReference(kind="command", words=("pass", "nas"))
    (tmp_path / "verifier.toml").chmod(0o664)
    with pytest.raises(ScenarioError, match=r"verifier\.toml: expected a file that nobody else can write"):
        load(path)


@pytest.mark.parametrize("place", ['place = "nas"', "[place]\nnas = 5", "[[place]]", "[[place.nas]]"])
def test_places_of_any_shape_give_problems_and_nothing_else(tmp_path: Path, place: str) -> None:
    for shared in ("", place + "\n"):
        assert told(tmp_path, f'{HEAD}[[copy]]\nname = "a"\nplace = "nas"\n{place if not shared else ""}\n', shared)


def test_what_a_scenario_has_from_the_shared_file_is_part_of_its_identity(tmp_path: Path) -> None:
    text = HEAD + '[[copy]]\nname = "nas"\nplace = "nas"\n'
    hashed = [hashlib.sha256(part.encode()).hexdigest() for part in (text, NAS)]
    both = hashlib.sha256("".join(f"{line}\n" for line in hashed).encode()).hexdigest()
    assert loaded(tmp_path, text, NAS).sha256 == both
    assert load_text(text, tmp_path / "photos.toml", shared=NAS).sha256 == both
    assert loaded(tmp_path, text, NAS.replace("10MiB", "20MiB")).sha256 != both
    own = HEAD + '[[copy]]\nname = "nas"\nat = "/nas"\n'
    assert loaded(tmp_path, own, '[scratch]\nbytes = "5GB"\n').sha256 != loaded(tmp_path, own).sha256


@pytest.mark.parametrize("shared", ["", "# nothing yet\n", NAS, '[scratch]\nbytes = "5GB"\n'])
def test_what_a_scenario_has_nothing_of_leaves_its_identity_alone(tmp_path: Path, shared: str) -> None:
    text = HEAD + '[[copy]]\nname = "usb"\nat = "/usb"\n[scratch]\nbytes = "6GB"\n'
    assert loaded(tmp_path, text, shared).sha256 == hashlib.sha256(text.encode()).hexdigest()


def test_stock_tools_tell_the_identity_of_both_files(tmp_path: Path) -> None:
    readme = (Path(__file__).resolve().parents[2] / "scenarios/README.md").read_text("utf-8")
    (line,) = re.findall(r"`(sha256sum photos\.toml .*)`", readme)
    scenario = loaded(tmp_path, HEAD + '[[copy]]\nname = "nas"\nplace = "nas"\n', NAS)
    told = subprocess.run(["sh", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert told.stdout.split()[0] == scenario.sha256
