"""Copies that name the dataset's files otherwise: by whole paths, by another system's paths, by its spellings."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import pytest
from b2_served import BUCKET, need_rclone, prove_environment, rclone
from conftest import Verifier
from drilled import THEN, Place, assert_refused, change, flip, noise, put
from sshd import Server

from verifier.demo.b2_server import B2Server

FILES = 24
ODD = ("100%.txt", "K\u00f6ln/\u00e4.txt", "a:b?.txt", "~/tilde.txt", "-dash", "new\nline")


def _data() -> dict[str, bytes]:
    plain = {f"{2000 + n % 3}/{n:02d}.bin": noise(300 + n, n) for n in range(FILES)}
    return plain | {name: noise(50 + number, name) for number, name in enumerate(ODD)}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.fill(_data())
    place.know()
    return place


def _copied(place: Place, below: str) -> Path:
    shutil.copytree(place.live, place.copy / below, symlinks=True)
    return place.copy / below


def _scenario(place: Place, *lines: str, at: str | None = None) -> str:
    stated = "\n".join(lines)
    return (
        f'name = "names"\nmanifest = "{place.manifest}"\n[sample]\nfull = true\n'
        f'[[copy]]\nname = "copy"\nat = {json.dumps(at or str(place.copy))}\n{stated}\n'
    )


ROOT = "home/ana/100% Pictures: K\u00f6ln"


def test_a_root_given_to_prove(place: Place) -> None:
    inside = _copied(place, ROOT)
    put(place.copy, "home/ana/diary.txt", b"not this dataset")
    put(place.copy, f"{ROOT}2/other.txt", b"not this dataset either")

    drilled = place.prove("--full", "--root", f"/{ROOT}")

    assert (drilled.result, drilled.counts) == ("PASSED", {})
    assert drilled.copy.proven.files == drilled.copy.listed.files == FILES + len(ODD)
    assert drilled.copy.control == "detected"
    assert any(ROOT in note and "not looked at" in note for note in drilled.copy.notes)

    change(inside, "2001/01.bin", lambda data: flip(data, 7))
    (inside / "2002" / "02.bin").unlink()
    damaged = place.prove("--full", "--root", f"/{ROOT}/")
    assert damaged.counts == {"MISMATCH": 1, "MISSING": 1}
    assert {finding.path for finding in damaged.copy.findings} == {"2001/01.bin", "2002/02.bin"}


def test_a_root_has_a_chain_of_its_own_and_none_keeps_the_old_one(place: Place) -> None:
    _copied(place, "home/ana")
    shutil.copytree(place.copy / "home" / "ana", place.copy, dirs_exist_ok=True)
    names = [
        drilled.proof.scenario.name
        for drilled in (place.prove(), place.prove("--root", "/home/ana"), place.prove("--root", "/home/ana"))
        if drilled.proof is not None
    ]
    assert len(set(names)) == 2
    assert names[1] == names[2]


def test_a_root_that_is_missing_is_unreachable_and_says_what_lies_there(
    place: Place, capfd: pytest.CaptureFixture[str]
) -> None:
    _copied(place, "home/ana")
    drilled = place.prove("--root", "/home/eva")
    assert (drilled.code, drilled.result) == (3, "INCONCLUSIVE")
    assert "UNREACHABLE: expected files in home/eva of" in drilled.reasons
    assert "in home there is ana" in drilled.reasons
    scenario = _scenario(place, 'root = "/home/eva"')
    file = place.root / "scenario.toml"
    file.write_text(scenario, "utf-8")
    from verifier.cli.main import main  # noqa: PLC0415 - as a person runs it

    capfd.readouterr()
    assert main(["check", "--connect", str(file), "--state", str(place.state), "--reports", str(place.reports)]) == 3
    assert "in home there is ana" in capfd.readouterr().out
    assert_refused(place, capfd, "--root", "/home/../etc", code=2, says="--root: expected a path of plain names")


def test_the_live_data_behind_a_root_is_seen_to_be_that(place: Place, capfd: pytest.CaptureFixture[str]) -> None:
    drilled = place.run("prove", place.root, "--manifest", place.manifest, "--root", "/live", "--full")
    assert drilled.result == "WARNED"
    assert "compared with itself" in drilled.reasons

    capfd.readouterr()
    assert place.run("prove", place.root, "--against", place.live, "--root", "/live").code == 2
    assert "the same folder twice" in capfd.readouterr().err


def test_a_copy_that_links_to_the_live_data_is_refused_under_any_name(place: Place) -> None:
    """Hard links below a folder that is mapped: one and the same files, under names that differ."""
    shutil.copytree(place.live / "2000", place.copy / "x" / "y", copy_function=os.link)
    shutil.copytree(place.live / "2001", place.copy / "z")
    assert place.drill(_scenario(place, "map = [['x/y', '2000'], ['z', '2001']]")).code == 2


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_map_and_a_prefix_in_a_scenario(tmp_path: Path, workers: str) -> None:
    place = Place(tmp_path)
    place.fill({name: data for name, data in _data().items() if name[0] == "2"})
    place.know()
    for left, right in (("Users/Ana", "2000"), ("Users/Public/Pics", "2001"), ("Data", "2002")):
        shutil.copytree(place.live / right, place.copy / "ana-pc" / "C" / left)
    put(place.copy, "ana-pc/C/Windows/notepad.exe", b"not this dataset")
    put(place.copy, "bob-pc/C/Users/Ana/x", b"nor this")
    names = "map = [['C/Users/Ana/', '2000/'], ['/C/Users/Public/Pics', '2001'], ['C/Data', '2002']]"
    scenario = _scenario(place, names, 'prefix = "ana-pc/"')

    drilled = place.drill(scenario, "--workers", workers)

    assert (drilled.result, drilled.counts) == ("PASSED", {}), drilled.reasons
    assert drilled.copy.proven.files == FILES
    assert any(
        "outside of what the scenario maps" in note and "1 files, 16 bytes" in note for note in drilled.copy.notes
    )

    change(place.copy, "ana-pc/C/Data/02.bin", lambda data: flip(data, 3))
    put(place.copy, "ana-pc/C/Users/Ana/stranger", b"?")
    damaged = place.drill(scenario, "--workers", workers)
    assert {(one.kind, one.path) for one in damaged.copy.findings} == {
        ("MISMATCH", "2002/02.bin"), ("UNEXPECTED", "2000/stranger"),
    }  # fmt: skip


def test_two_copies_at_one_address_are_not_taken_for_each_other(place: Place) -> None:
    """One process drills both, and keeps what it opened."""
    for prefix in ("one", "two"):
        _copied(place, prefix)
    change(place.copy, "two/2000/00.bin", lambda data: flip(data, 5))
    second = f'[[copy]]\nname = "second"\nat = "{place.copy}"\nprefix = "two"\n'

    drilled = place.drill(_scenario(place, 'prefix = "one"', second))

    assert drilled.proof is not None
    assert [copy.verdict.result for copy in drilled.proof.copies] == ["PASSED", "FAILED"]
    assert [finding.path for finding in drilled.proof.copies[1].findings] == ["2000/00.bin"]


def test_over_sftp(tmp_path: Path, verifier: Verifier) -> None:
    place = Place(tmp_path)
    place.fill(_data())
    place.know()
    _copied(place, ROOT)
    put(place.copy, "home/bob/x", b"not this dataset")

    def prove(server: Server, root: str) -> dict[str, Any]:
        done = verifier(
            "prove", server.address(place.copy), "--manifest", place.manifest, "--full", "--workers", "1", "--json",
            "--root", root, "--known-hosts", server.known_hosts, "--identity", server.identity,
        )  # fmt: skip
        assert done.stdout, done.stderr
        return dict(json.loads(done.stdout)["copies"][0])

    with Server(tmp_path / "server") as server:
        copy = prove(server, f"/{ROOT}")
        assert (copy["verdict"]["result"], copy["counts"], copy["control"]) == ("PASSED", {}, "detected")
        assert copy["listed"]["files"] == FILES + len(ODD)
        change(place.copy, f"{ROOT}/{ODD[1]}", lambda data: flip(data, 7))
        copy = prove(server, f"/{ROOT}")
        assert [(one["kind"], one["path"]) for one in copy["findings"]] == [("MISMATCH", ODD[1])]
        copy = prove(server, "/home/ana/elsewhere")
        (reason,) = copy["verdict"]["reasons"][:1]
        assert "UNREACHABLE: expected files in home/ana/elsewhere" in reason
        assert reason.endswith(f"in home/ana there is {ROOT.rpartition('/')[2]}")
        (place.copy / "linked").symlink_to(place.live)
        assert "or a link on the way" in prove(server, "/linked")["verdict"]["reasons"][0]


@pytest.fixture
def bucket(tmp_path: Path, must_run: Callable[[str, str], NoReturn]) -> Iterator[tuple[B2Server, Place]]:
    need_rclone(must_run)
    place = Place(tmp_path)
    place.fill({name: data for name, data in _data().items() if name[0] == "2"})
    place.know()
    shutil.copytree(place.live / "2000", place.copy / "C:" / "Users" / "Ana" / "2000")
    shutil.copytree(place.live / "2001", place.copy / "D:" / "2001")
    shutil.copytree(place.live / "2002", place.copy / "D:" / "2002")
    put(place.copy, "C:/pagefile.sys", b"not this dataset")
    with B2Server() as server:
        rclone(server, "copy", str(place.copy), f":b2:{BUCKET}/nas/ana-mac", "--b2-encoding", "Slash")
        yield server, place


def test_over_b2(bucket: tuple[B2Server, Place], verifier: Verifier) -> None:
    server, place = bucket
    keys = 'key_id = { env = "B2_APPLICATION_KEY_ID" }\nkey = { env = "B2_APPLICATION_KEY" }'
    environment: Mapping[str, str] = prove_environment(server)
    names = "map = [['C:\\Users\\Ana\\2000\\', '2000/'], ['D:\\2001', '2001'], ['D:/2002', '2002']]"

    def drill(*lines: str) -> dict[str, Any]:
        scenario = _scenario(place, keys, f'realm = "{environment["B2_REALM"]}"', *lines, at=f"b2://{BUCKET}/nas")
        (place.root / "b2.toml").write_text(scenario, "utf-8")
        done = verifier("drill", place.root / "b2.toml", "--json", "--workers", "1", env=environment)
        assert done.stdout, done.stderr
        return dict(json.loads(done.stdout)["copies"][0])

    copy = drill('prefix = "ana-mac/"', names)
    assert (copy["verdict"]["result"], copy["counts"], copy["control"]) == ("PASSED", {}, "detected"), copy["notes"]
    assert copy["proven"]["files"] == FILES
    assert any("1 files, 16 bytes" in note for note in copy["notes"])

    version = server.simulator.bucket_name_to_bucket[BUCKET].newest("nas/ana-mac/D:/2001/01.bin")
    assert version is not None
    version.data_bytes = flip(version.data_bytes, 9)
    copy = drill('prefix = "ana-mac/"', names)
    assert [(one["kind"], one["path"]) for one in copy["findings"]] == [("MISMATCH", "2001/01.bin")]

    copy = drill('prefix = "bob-mac"')
    assert "UNREACHABLE: expected files in bob-mac" in copy["verdict"]["reasons"][0]
    assert "there is ana-mac" in copy["verdict"]["reasons"][0]


RENAMES = {
    "a:b.txt": ("a_b.txt", "_ for what Windows forbids"),
    "who?/x*.txt": ("who_/x_.txt", "_ for what Windows forbids"),
    "mac:name": ("mac\uf022name", "private-use characters as a Mac and Samba write"),
    "end.": ("end\uf029", "private-use characters as a Mac and Samba write"),
    "cygwin?": ("cygwin\uf03f", "private-use characters as Windows' subsystems write"),
    "tail.": ("tail._DiskStation_Aug-12-1234-2021_TailCharacterConflict", "Synology's renames"),
    "Case.txt": ("Case_Andy-PC_Jan-03-0901-2013_CaseConflict_1.txt", "Synology's renames"),
    "q<1>.txt": ("q\u00ab1\u00bb.txt", "Samba's catia substitutions"),
    "star*": ("star\uff0a", "rclone's substitutions"),
    "cut .../x": ("cut/x", "dots and spaces cut from a name's end"),
}


def _renamed(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    data = {name: noise(200 + 10 * number, name) for number, name in enumerate(RENAMES)}
    place.fill(data)
    for name, (other, _) in RENAMES.items():
        put(place.copy, other, data[name])
    place.know()
    return place


@pytest.mark.parametrize("options", [("--full",), ()], ids=["full", "sample"])
def test_renamed_by_other_systems_is_no_finding_and_is_named(tmp_path: Path, options: tuple[str, ...]) -> None:
    place = _renamed(tmp_path)

    drilled = place.prove(*options)

    assert (drilled.result, drilled.counts) == ("PASSED", {}), drilled.copy.findings
    assert drilled.copy.proven.files == len(RENAMES)
    told = {one.entry.path: (one.listed.path, one.how) for one in drilled.copy.found_names or ()}
    assert told == RENAMES
    assert drilled.folder is not None
    for report in ("report.html", "report.md"):
        text = (drilled.folder / report).read_text("utf-8")
        assert "mac\\uf022name" in text.replace("\\\\", "\\")


def test_damage_under_another_name_is_found(tmp_path: Path) -> None:
    place = _renamed(tmp_path)
    for other, _ in RENAMES.values():
        change(place.copy, other, lambda data: flip(data, 11))

    drilled = place.prove("--full")

    assert (drilled.result, drilled.counts) == ("FAILED", {"MISMATCH": len(RENAMES)})
    assert {finding.path for finding in drilled.copy.findings} == set(RENAMES)


def test_a_name_made_of_several_joins_only_by_size_and_one_to_one(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.fill({"a:b": b"12345", "c:d": b"1234", "c?d": b"1234", "plain": b"x"})
    place.know()
    for name, data in (("a_b", b"123456"), ("c_d", b"1234"), ("plain", b"x")):
        put(place.copy, name, data)

    drilled = place.prove("--full")

    assert drilled.copy.found_as == {}
    assert drilled.counts == {"MISSING": 3, "UNEXPECTED": 2}


SIDECARS = (
    ".DS_Store", "2000/Thumbs.db", "2001/desktop.ini", "@eaDir/00.bin/SYNOPHOTO_THUMB_XL.jpg", "#recycle/old.bin",
    "2000/.@__thumb/s100.jpg", "2000/00.bin@SynoEAStream", ".Spotlight-V100/store.db", ".Trashes/501/x",
    ".fseventsd/0001", "lost+found/1", "System Volume Information/x", "$RECYCLE.BIN/S-1/x", "2000/._00.bin",
    "._2001",
)  # fmt: skip
LATER = THEN + 500_000_000


def test_what_systems_put_there_is_left_out_and_said_to_be(place: Place) -> None:
    shutil.copytree(place.live, place.copy)
    for name in SIDECARS:
        put(place.copy, name, b"side", seconds=LATER)
    put(place.copy, "2000/._stranger", b"beside nothing")

    drilled = place.prove("--full")

    assert (drilled.result, drilled.counts) == ("WARNED", {"UNEXPECTED": 1}), drilled.copy.findings
    assert drilled.copy.findings[0].path == "2000/._stranger"
    (note,) = [note for note in drilled.copy.notes if "by themselves" in note]
    excluded = sum("@eaDir" in name or "#recycle" in name for name in SIDECARS)
    assert f"{len(SIDECARS) - excluded} files, {4 * (len(SIDECARS) - excluded)} bytes" in note
    assert drilled.copy.listed.files == FILES + len(ODD) + 1
    assert drilled.copy.snapshot == "2017-07-14T02:40:00Z", "thumbnails made later are no newer backup"


def test_a_sidecar_that_the_manifest_has_is_a_file_like_any(place: Place) -> None:
    for name in (".DS_Store", "2000/Thumbs.db", "lost+found/1", "2000/._00.bin"):
        put(place.live, name, b"kept on purpose")
    place.know()
    shutil.copytree(place.live, place.copy)
    assert place.prove("--full").result == "PASSED"
    change(place.copy, "2000/Thumbs.db", lambda data: flip(data, 0))
    (place.copy / ".DS_Store").unlink()
    assert place.prove("--full").counts == {"MISMATCH": 1, "MISSING": 1}


@pytest.mark.parametrize("left", [SIDECARS[:1], SIDECARS[3:4], SIDECARS])
def test_a_copy_of_sidecars_alone_is_empty(place: Place, left: tuple[str, ...]) -> None:
    for name in left:
        put(place.copy, name, b"side")

    drilled = place.prove()

    assert (drilled.code, drilled.result) == (3, "INCONCLUSIVE")
    assert "UNREACHABLE: expected files in" in drilled.reasons


def test_a_backup_that_is_too_old_is_not_made_young_by_a_thumbnail(place: Place) -> None:
    place.back_up()
    put(place.copy, "@eaDir/x", b"today", seconds=4_000_000_000)
    put(place.copy, ".DS_Store", b"today", seconds=4_000_000_000)
    scenario = _scenario(place).replace("[sample]", '[objectives]\nrpo = "24h"\n[sample]')

    assert place.drill(scenario).counts == {"STALE": 1}
