"""Lists by the real programs, read, drilled and written back, with the names that lists get wrong."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn

import pytest
import zstandard
from conftest import Verifier
from drill_processes import Home, flip

from verifier.manifest import open_manifest

MustRun = Callable[[str, str], NoReturn]
PLAIN = ("plain.txt", "sp ace", "-dash", "*star", " lead", "#hash", "(p) = q", "s/ü.txt", "s/t/deep", "empty", "C")
HARD = (*PLAIN, "back\\slash", "new\nline", "end\r", "m\rid", "-", "\\n")


def _fill(folder: Path, names: tuple[str, ...] = HARD, *, not_utf_8: bool = True) -> dict[bytes, bytes]:
    """Write a file for each name; return names and content."""
    files = {os.fsencode(name): b"" if name == "empty" else name.encode() * 3 for name in names}
    if not_utf_8 and sys.platform != "darwin":
        files[b"\xff\xfe"] = b"not text"
    for name, data in files.items():
        path = Path(os.fsdecode(os.fsencode(folder) + b"/" + name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return files


def _tool(must_run: MustRun, *command: str, cwd: Path) -> bytes:
    if shutil.which(command[0]) is None:
        must_run(command[0], f"{command[0]} is not installed")
    done = subprocess.run(command, cwd=cwd, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _read(path: Path, digest: str | None = None) -> dict[bytes, str | None]:
    with open_manifest(path, digest=digest) as manifest:
        return {entry.path: entry.digest for entry in manifest.entries()}


def _expected(files: Mapping[bytes, bytes], algorithm: str) -> dict[bytes, str]:
    return {name: hashlib.new(algorithm, data, usedforsecurity=False).hexdigest() for name, data in files.items()}


@pytest.mark.parametrize(
    ("command", "name", "algorithm"),
    [
        (("md5sum",), "MD5SUMS", "md5"),
        (("sha1sum", "-b"), "list", "sha1"),
        (("sha256sum",), "SHA256SUMS", "sha256"),
        (("sha256sum", "--tag"), "list", "sha256"),
        (("sha512sum",), "x.sha512", "sha512"),
        (("b2sum", "--tag"), "list", "blake2b"),
    ],
)
def test_what_coreutils_writes_is_read(
    tmp_path: Path, command: tuple[str, ...], name: str, algorithm: str, must_run: MustRun
) -> None:
    files = _fill(tmp_path / "data")
    names = sorted(os.fsdecode(name) for name in files)
    text = _tool(
        must_run, *command, "--", *(f"./{name}" if name == "-" else name for name in names), cwd=tmp_path / "data"
    )
    (tmp_path / name).write_bytes(text)
    assert _read(tmp_path / name) == _expected(files, algorithm)


@pytest.mark.parametrize(
    ("options", "name", "digest"),
    [(("-H2",), "x.xxh128", "xxh3_128"), (("-H3",), "x.xxh3", "xxh3_64"), (("-H1",), "x.xxh64", "xxh64")],
)
def test_what_xxhsum_writes_is_read(
    tmp_path: Path, options: tuple[str, ...], name: str, digest: str, must_run: MustRun
) -> None:
    # Before 0.8.2 it escapes nothing, so a newline in a name breaks its own lists, too.
    files = _fill(tmp_path / "data", (*PLAIN, "back\\slash"))
    names = [os.fsdecode(name) for name in files]
    for more in ((), ("--tag",)):
        (tmp_path / name).write_bytes(_tool(must_run, "xxhsum", *options, *more, "--", *names, cwd=tmp_path / "data"))
        with open_manifest(tmp_path / name) as manifest:
            assert manifest.header.digest == digest
            assert {entry.path for entry in manifest.entries()} == set(files)


def test_what_b3sum_hashdeep_and_rclone_write_is_read(tmp_path: Path, must_run: MustRun) -> None:
    data = tmp_path / "data"
    files = _fill(data, (*PLAIN, "back\\slash"), not_utf_8=False)
    names = [os.fsdecode(name) for name in files]
    (tmp_path / "B3SUMS").write_bytes(_tool(must_run, "b3sum", "--", *names, cwd=data))
    assert set(_read(tmp_path / "B3SUMS")) == set(files)
    (tmp_path / "deep").write_bytes(_tool(must_run, "hashdeep", "-l", "-r", ".", cwd=data))
    assert _read(tmp_path / "deep") == _expected(files, "sha256")
    assert _read(tmp_path / "deep", "md5") == _expected(files, "md5")
    (tmp_path / "rclone.md5").write_bytes(_tool(must_run, "rclone", "hashsum", "md5", ".", cwd=data))
    assert _read(tmp_path / "rclone.md5") == _expected(files, "md5")


def test_a_bag_and_an_index_by_their_own_makers_are_read(tmp_path: Path, must_run: MustRun) -> None:
    for module in ("bagit", "chkbit"):
        if importlib.util.find_spec(module) is None:
            must_run(module, f"{module} is not installed: see the group dev in pyproject.toml")
    bag, tree = tmp_path / "bag", tmp_path / "tree"
    files = _fill(bag, (*PLAIN, "new\nline", "m\rid"), not_utf_8=False)
    _tool(must_run, sys.executable, "-m", "bagit", "--quiet", "--sha256", "--sha512", str(bag), cwd=tmp_path)
    assert _read(bag) == {b"data/" + name: value for name, value in _expected(files, "sha512").items()}
    files = _fill(tree)
    chkbit = str(Path(sys.executable).with_name("chkbit"))
    _tool(must_run, chkbit, "-u", "--algo", "sha512", "--quiet", "--plain", str(tree), cwd=tmp_path)
    assert _read(tree) == _expected(files, "sha512")


@pytest.mark.parametrize(
    ("tool", "digest"), [("xxhsum", "xxh3_128"), ("xxhsum", "xxh3_64"), ("sha256sum", "sha256"), ("b3sum", "blake3")]
)
def test_an_export_is_accepted_by_the_tool_itself_and_damage_is_not(
    tmp_path: Path, tool: str, digest: str, verifier: Verifier, must_run: MustRun
) -> None:
    if shutil.which(tool) is None:
        must_run(tool, f"{tool} is not installed")
    names = {"xxhsum": (*PLAIN, "back\\slash", "m\rid", "-", "\\n"), "b3sum": (*PLAIN, "back\\slash", "new\nline", "-")}
    data, manifest, listed = tmp_path / "data", tmp_path / "m.jsonl", tmp_path / "list"
    files = _fill(data, names.get(tool, HARD), not_utf_8=tool != "b3sum")
    (data / "link").symlink_to("plain.txt")
    assert verifier("manifest", "create", data, "-o", manifest, "--digest", digest, "--workers", 1).returncode == 0
    done = verifier("manifest", "export", manifest, "--format", tool, "-o", listed)
    assert done.returncode == 0, done.stderr
    assert "1 symbolic links are left out" in done.stderr
    printed = verifier("manifest", "export", manifest, "--format", tool).stdout.encode("utf-8", "surrogateescape")
    assert printed == listed.read_bytes().replace(b"\r", b"\n"), "as text has it"
    checked = _tool(must_run, tool, "-c", str(listed), cwd=data)
    assert checked.count(b": OK") == len(files)
    assert set(_read(listed, digest)) == set(files)
    (data / "plain.txt").write_bytes(b"damaged")
    assert subprocess.run([tool, "-c", str(listed)], cwd=data, capture_output=True, check=False).returncode == 1


def test_what_a_tool_can_t_check_is_not_written(tmp_path: Path, verifier: Verifier) -> None:
    data = tmp_path / "data"
    _fill(data, ("a", "end\r"))
    for digest in ("sha256", "blake3"):
        verifier("manifest", "create", data, "-o", tmp_path / f"{digest}.jsonl", "--digest", digest, "--workers", 1)
    wrong = verifier("manifest", "export", tmp_path / "sha256.jsonl", "--format", "xxhsum", "-o", tmp_path / "out")
    assert wrong.returncode == 2
    assert "expected checksums of xxh3_128 or xxh3_64 or xxh64 or xxh32 for xxhsum, got sha256" in wrong.stderr
    assert "--digest xxh3_128" in wrong.stderr
    unreadable = verifier("manifest", "export", tmp_path / "blake3.jsonl", "--format", "b3sum", "-o", tmp_path / "out")
    assert unreadable.returncode == 2
    assert "expected names that b3sum can read" in unreadable.stderr
    assert not (tmp_path / "out").exists()


@pytest.fixture
def home(tmp_path: Path, must_run: MustRun) -> Home:
    home = Home(tmp_path)
    _fill(home.live)
    shutil.copytree(home.live, home.copy)
    names = sorted(path.name for path in home.live.iterdir())
    listed = _tool(
        must_run, "find", *(f"./{name}" for name in names), "-type", "f", "-exec", "sha256sum", "{}", "+", cwd=home.live
    )
    home.manifest = home.copy / "SHA256SUMS"
    home.manifest.write_bytes(listed)
    return home


def test_a_copy_is_proven_by_a_list_that_lies_in_it(home: Home) -> None:
    ended = home.run_here(*home.prove, "--full")
    assert (ended.code, ended.result) == (0, "PASSED"), ended.stderr
    manifest, copy = ended.proof.manifest, ended.copy
    assert (manifest.digest, manifest.created_at, manifest.states_sizes, manifest.bytes) == ("sha256", None, False, 0)
    assert copy.proven == copy.planned == copy.population
    assert copy.proven.files == manifest.files
    assert copy.coverage.proven.files == copy.coverage.of.files == manifest.files
    assert copy.control == "detected"
    assert not copy.counts
    assert any(note.startswith("the manifest lies in the copy itself") for note in copy.notes)
    report = (ended.bundle / "report.md").read_text("utf-8")
    assert "states no file" in report
    assert "of an unstated size" in report
    kept = home.reports / "manifests" / f"{manifest.identity}.list.zst"
    with zstandard.open(kept) as file:
        assert hashlib.sha256(file.read()).hexdigest() == manifest.identity
    assert manifest.identity == hashlib.sha256(home.manifest.read_bytes()).hexdigest()
    again = home.run_here(*home.prove, "--full")
    assert again.copy.coverage.oldest_proven_at is not None


def test_damage_is_found_by_a_list(home: Home) -> None:
    flip(home.copy / "plain.txt")
    (home.copy / "sp ace").write_bytes(b"cut")
    (home.copy / "s/t/deep").unlink()
    (home.copy / "(p) = q").rename(home.copy / "s/(p) = q")
    os.utime(home.copy / "plain.txt", (4e9, 4e9))  # without a time in the list, none excuses other bytes
    (home.copy / "new one").write_bytes(b"nobody knows it")
    os.utime(home.copy / "new one", (4e9, 4e9))
    ended = home.run_here(*home.prove, "--full")
    assert (ended.code, ended.result) == (1, "FAILED"), ended.stderr
    found = {(one.kind, one.path) for one in ended.copy.findings}
    assert found == {
        ("MISMATCH", "plain.txt"),
        ("MISMATCH", "sp ace"),
        ("MISSING", "s/t/deep"),
        ("MOVED", "(p) = q"),
        ("UNEXPECTED", "new one"),
    }
    sizes = {one.path: one.expected.split(",")[0] for one in ended.copy.findings if one.kind in {"MISMATCH", "MISSING"}}
    # The listing's size is what the copy says of itself: nobody expects it.
    assert sizes == dict.fromkeys(("plain.txt", "sp ace", "s/t/deep"), "a file of an unstated size")
    (unexpected,) = (one for one in ended.copy.findings if one.kind == "UNEXPECTED")
    assert unexpected.detail == "not in the manifest, which does not state when it was made"


def test_a_list_that_is_cut_off_proves_nothing(home: Home) -> None:
    home.manifest.write_bytes(home.manifest.read_bytes()[:-5])
    ended = home.run_here(*home.prove, "--full")
    assert (ended.code, ended.bundles) == (2, ())
    assert "the list was cut off" in ended.stderr


def test_what_a_list_can_t_say_is_said_by_an_option_or_the_scenario(home: Home, must_run: MustRun) -> None:
    listed = home.root / "checksums"
    listed.write_bytes(_tool(must_run, "md5sum", "plain.txt", "sp ace", cwd=home.live))
    prove = ("prove", str(home.copy), "--manifest", str(listed), "--only", "plain.txt", "--only", "sp ace")
    refused = home.run_here(*prove)
    assert refused.code == 2
    assert "--digest xxh3_128|md5" in refused.stderr
    ended = home.run_here(*prove, "--digest", "md5")
    assert (ended.code, ended.proof.manifest.digest) == (0, "md5"), ended.stderr
    assert "md5 shows accident, not malice" in (ended.bundle / "report.md").read_text("utf-8")
    text = f'manifest = "{listed}"\ndigest = "md5"\n[sample]\nfull = true\n[[copy]]\nname = "nas"\nat = "{home.copy}"\n'
    by_scenario = home.run_here("drill", str(home.scenario("by-md5", text)), "--only", "plain.txt")
    assert by_scenario.code == 0, by_scenario.stderr


def test_absolute_paths_want_the_root_that_they_start_at(home: Home, must_run: MustRun) -> None:
    listed = home.root / "SHA256SUMS"
    listed.write_bytes(_tool(must_run, "sha256sum", str(home.live / "plain.txt"), cwd=home.root))
    refused = home.run_here("prove", str(home.copy), "--manifest", str(listed))
    assert refused.code == 2
    assert "name the folder it starts at with --root" in refused.stderr


def test_a_bag_is_drilled_and_its_damage_found(tmp_path: Path, must_run: MustRun) -> None:
    if importlib.util.find_spec("bagit") is None:
        must_run("bagit", "bagit is not installed: see the group dev in pyproject.toml")
    home = Home(tmp_path)
    _fill(home.live, (*PLAIN, "new\nline"), not_utf_8=False)
    _tool(must_run, sys.executable, "-m", "bagit", "--quiet", "--sha256", str(home.live), cwd=tmp_path)
    shutil.copytree(home.live, home.copy)
    prove = ("prove", str(home.copy), "--manifest", str(home.live), "--full")
    good = home.run_here(*prove)
    assert (good.code, good.result) == (0, "PASSED"), good.stderr
    assert good.copy.proven.files == len(PLAIN) + 1
    kept = home.reports / "manifests" / f"{good.proof.manifest.identity}.list.zst"
    with zstandard.open(kept) as file:
        assert file.read() == (home.live / "manifest-sha256.txt").read_bytes()
    flip(home.copy / "data/plain.txt")
    (home.copy / "data/extra").write_bytes(b"x")
    bad = home.run_here(*prove)
    assert bad.code == 1
    assert {one.kind for one in bad.copy.findings} == {"MISMATCH", "UNEXPECTED"}


def test_lists_are_shown_held_against_folders_and_each_other(home: Home, verifier: Verifier) -> None:
    shown = verifier("manifest", "show", home.manifest)
    assert shown.returncode == 0
    assert "of sizes that it does not state" in shown.stdout
    assert "created   not stated" in shown.stdout
    assert json.loads(verifier("manifest", "show", home.manifest, "--json").stdout)["digest"] == "sha256"
    assert verifier("manifest", "verify", home.manifest, home.live, "--workers", 1).returncode == 0
    native = home.root / "m.jsonl"
    verifier("manifest", "create", home.live, "-o", native, "--digest", "sha256", "--workers", 1)
    assert verifier("manifest", "diff", home.manifest, native).returncode == 0
    flip(home.live / "plain.txt")
    differs = verifier("manifest", "verify", home.manifest, home.live, "--workers", 1)
    assert differs.returncode == 1
    assert "  plain.txt" in differs.stdout
