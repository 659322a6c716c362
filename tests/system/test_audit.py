"""Every way to tamper with a folder of bundles, and what the audit says of it."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zstandard
from drilled import THEN, Place, change, flip, noise

from verifier import proof as proofs
from verifier import report
from verifier.cli.main import main
from verifier.proof import Proof
from verifier.signing import new_key, open_signer

FILES = 60
DRAWN = 20
DRILLS = 4


@dataclass(frozen=True)
class Reports:
    """A folder of bundles, the newest last, and whom to trust."""

    folder: Path
    signers: Path
    key: Path

    @property
    def bundles(self) -> list[Path]:
        found = [file.parent for file in self.folder.glob("*/*/proof.json")]
        return sorted(found, key=lambda bundle: proof_of(bundle).drill.number)

    @property
    def scenario(self) -> Path:
        return self.bundles[0].parent


def proof_of(bundle: Path) -> Proof:
    return proofs.from_bytes((bundle / "proof.json").read_bytes())


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Reports:
    """Four signed drills of one copy, of which the last found damage."""
    folder = tmp_path_factory.mktemp("audit")
    key = folder / "id"
    line = new_key(key, comment="drill")
    signers = folder / "allowed_signers"
    signers.write_text(f"ana@example.org {line}\n")
    place = Place(folder)
    place.fill({f"{number:03}.jpg": noise(500 + number, number) for number in range(FILES)})
    place.back_up()
    place.know()
    for number in range(DRILLS):
        if number == DRILLS - 1:
            for damaged in range(0, FILES, 2):
                change(place.copy, f"{damaged:03}.jpg", lambda data: flip(data, 7))
        place.prove("--sample", str(DRAWN), "--sign", key)
    reports = folder / "reports"
    shutil.copytree(place.reports, reports)
    return Reports(folder=reports, signers=signers, key=key)


@pytest.fixture
def reports(made: Reports, tmp_path: Path) -> Reports:
    shutil.copytree(made.folder, tmp_path / "reports")
    return Reports(folder=tmp_path / "reports", signers=made.signers, key=made.key)


def audit(reports: Reports, *options: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, list[str]]]:
    """Return the exit code, and the names of the checks in each state."""
    capsys.readouterr()
    code = main(["audit", str(reports.folder), "--json", *options])
    found = json.loads(capsys.readouterr().out)
    states: dict[str, list[str]] = {"holds": [], "broken": [], "not checked": []}
    for part in (*found["drills"], *found["chains"], {"checks": found["anchors"]}):
        for check in part["checks"]:
            states[check["state"]].append(f"{check['name']}: {check['detail']}")
    return code, states


def head_of(reports: Reports) -> str:
    newest = reports.bundles[-1] / "proof.json"
    return f"{DRILLS}:{hashlib.sha256(newest.read_bytes()).hexdigest()}"


def test_what_nobody_touched_holds_to_the_anchored_end(reports: Reports, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted((file, file.stat().st_mtime_ns) for file in reports.folder.rglob("*"))
    code, states = audit(reports, "--signers", str(reports.signers), "--head", head_of(reports), capsys=capsys)
    assert (code, states["broken"], states["not checked"]) == (0, [], [])
    assert len(states["holds"]) == DRILLS * 9 + 2
    assert sum("ana@example.org" in name for name in states["holds"]) == DRILLS
    assert sorted((file, file.stat().st_mtime_ns) for file in reports.folder.rglob("*")) == before


def test_without_an_anchor_or_signers_it_is_said_what_was_not_checked(
    reports: Reports, capsys: pytest.CaptureFixture[str]
) -> None:
    code, states = audit(reports, capsys=capsys)
    assert (code, states["broken"]) == (0, [])
    assert len([name for name in states["not checked"] if "--signers" in name]) == DRILLS
    assert len([name for name in states["not checked"] if "may have been taken away" in name]) == 1


# What somebody does who can write in the folder, and hasn't the key.


def resum(bundle: Path) -> None:
    """Write the sums anew, and sign nothing: what whoever tampers can do."""
    names = sorted(file.name for file in bundle.iterdir() if not file.name.startswith("SHA256SUMS"))
    lines = [f"{hashlib.sha256((bundle / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (bundle / "SHA256SUMS").write_text("".join(lines))


def rewrite(bundle: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    """Change the proof, in canonical form, and render the reports and write the sums anew, without a signature."""
    facts = json.loads((bundle / "proof.json").read_bytes())
    edit(facts)
    data = proofs.canonical(facts)
    changed = proofs.from_bytes(data)
    sha256 = hashlib.sha256(data).hexdigest()
    (bundle / "proof.json").write_bytes(data)
    (bundle / "report.html").write_text(report.render_html(changed, proof_sha256=sha256))
    (bundle / "report.md").write_text(report.render_markdown(changed, proof_sha256=sha256))
    resum(bundle)


def unsigned(reports: Reports) -> None:
    """Make it as if nobody had ever signed: then every other check stands alone."""
    previous = None
    for bundle in reports.bundles:
        (bundle / "SHA256SUMS.sig").unlink()
        (bundle / "attestation.json").unlink()

        def edit(facts: dict[str, Any], previous: str | None = previous) -> None:
            facts["signer"] = None
            facts["drill"]["previous"] = previous

        rewrite(bundle, edit)
        previous = hashlib.sha256((bundle / "proof.json").read_bytes()).hexdigest()


def outcomes(bundle: Path, edit: Callable[[list[dict[str, Any]]], object]) -> None:
    file = bundle / "outcomes.jsonl.zst"
    packed = zstandard.ZstdDecompressor().stream_reader(file.read_bytes()).read()
    records = [json.loads(line) for line in packed.splitlines()]
    edit(records)
    file.write_bytes(zstandard.compress(b"".join(msgspec.json.encode(record) + b"\n" for record in records)))
    resum(bundle)


def flip_report(bundle: Path) -> None:
    (bundle / "report.html").write_bytes(flip((bundle / "report.html").read_bytes(), 500))


def reword_report(bundle: Path) -> None:
    text = (bundle / "report.md").read_text().replace("FAILED", "PASSED")
    (bundle / "report.md").write_text(text)
    resum(bundle)


def whitewash(bundle: Path) -> None:
    def edit(facts: dict[str, Any]) -> None:
        facts["verdict"] = {"result": "PASSED", "reasons": []}
        facts["copies"][0]["verdict"] = {"result": "PASSED", "reasons": []}

    rewrite(bundle, edit)


def whitewash_and_hide(bundle: Path) -> None:
    """Take the findings out of the proof, too: the lists still have them."""

    def edit(facts: dict[str, Any]) -> None:
        facts["verdict"] = {"result": "PASSED", "reasons": []}
        copy = facts["copies"][0]
        copy["verdict"] = {"result": "PASSED", "reasons": []}
        copy["counts"], copy["findings"], copy["proven"] = {}, [], copy["planned"]

    rewrite(bundle, edit)


def other_seed(bundle: Path) -> None:
    rewrite(bundle, lambda facts: facts["drill"].update(seed="00" * 32))


def swap_a_drawn_file(bundle: Path) -> None:
    """Say that another file was drawn than the one that was damaged."""

    def edit(records: list[dict[str, Any]]) -> None:
        drawn = {record["path"] for record in records}
        free = next(name for number in range(FILES) if (name := f"{number:03}.jpg") not in drawn)
        records[0]["path"] = free

    outcomes(bundle, edit)


def draw_what_is_no_file(bundle: Path) -> None:
    outcomes(bundle, lambda records: records[-1].update(path="zzz.jpg"))


def drop_an_outcome(bundle: Path) -> None:
    outcomes(bundle, lambda records: records.pop())


def spoil_the_proof(bundle: Path) -> None:
    data = (bundle / "proof.json").read_bytes()
    (bundle / "proof.json").write_bytes(data.replace(b'{"', b'{ "', 1))
    resum(bundle)


def forget_a_file(bundle: Path) -> None:
    (bundle / "outcomes.jsonl.zst").unlink()


def link_a_file(bundle: Path) -> None:
    outside = bundle.parents[2] / "elsewhere"
    (bundle / "findings.jsonl").replace(outside)
    (bundle / "findings.jsonl").symlink_to(outside)


def put_a_file_beside(bundle: Path) -> None:
    (bundle / "note.txt").write_text("all is well\n")


def rename(bundle: Path) -> None:
    bundle.rename(bundle.with_name("20200101T000000Z-0000"))


def move_elsewhere(bundle: Path) -> None:
    (bundle.parents[1] / "another").mkdir()
    bundle.rename(bundle.parents[1] / "another" / bundle.name)


def take_the_manifest(bundle: Path) -> None:
    shutil.rmtree(bundle.parents[1] / "manifests")


def swap_the_manifest(bundle: Path) -> None:
    kept = next((bundle.parents[1] / "manifests").iterdir())
    text = zstandard.ZstdDecompressor().stream_reader(kept.read_bytes()).read()
    lines = text.splitlines(keepends=True)
    body = b"".join([*lines[:5], *lines[6:-1]])
    end = json.loads(lines[-1])
    entry = json.loads(lines[5])
    end |= {
        "files": end["files"] - 1,
        "bytes": end["bytes"] - entry["size"],
        "sha256": hashlib.sha256(body).hexdigest(),
    }
    kept.write_bytes(zstandard.compress(body + msgspec.json.encode(end) + b"\n"))


TAMPERING = [
    (flip_report, "the checksums"),
    (reword_report, "the reports, rendered again"),
    (whitewash, "the verdict"),
    (whitewash_and_hide, "the lists, counted"),
    (other_seed, "the sample, drawn again"),
    (swap_a_drawn_file, "the sample, drawn again"),
    (draw_what_is_no_file, "the sample, drawn again"),
    (drop_an_outcome, "the sample, drawn again"),
    (spoil_the_proof, "the proof"),
    (forget_a_file, "the checksums"),
    (link_a_file, "the checksums"),
    (put_a_file_beside, "nothing beside the sums"),
    (rename, "the folder's name"),
    (move_elsewhere, "the folder's name"),
    (take_the_manifest, "the manifest"),
    (swap_the_manifest, "the manifest"),
]


@pytest.mark.parametrize(("tamper", "found_by"), TAMPERING, ids=lambda it: getattr(it, "__name__", ""))
def test_each_way_of_tampering_is_found_even_where_nobody_signed(
    tamper: Callable[[Path], None], found_by: str, reports: Reports, capsys: pytest.CaptureFixture[str]
) -> None:
    unsigned(reports)
    assert audit(reports, capsys=capsys)[0] == 0
    tamper(reports.bundles[-1])
    code, states = audit(reports, capsys=capsys)
    assert code == 1
    assert any(name.startswith(found_by) for name in states["broken"]), states["broken"]


@pytest.mark.parametrize(("tamper", "_found_by"), TAMPERING[:-4], ids=lambda it: getattr(it, "__name__", ""))
def test_whoever_has_no_key_breaks_the_signature_or_the_sums(
    tamper: Callable[[Path], None], _found_by: str, reports: Reports, capsys: pytest.CaptureFixture[str]
) -> None:
    tamper(reports.bundles[-1])
    code, states = audit(reports, "--signers", str(reports.signers), capsys=capsys)
    assert code == 1
    names = ("the signature", "the checksums", "nothing beside the sums")
    assert any(name.startswith(names) for name in states["broken"]), states["broken"]


def test_a_bundle_that_is_signed_by_somebody_else_is_not_trusted(
    reports: Reports, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new_key(tmp_path / "mallory", comment="mallory")
    whitewash(reports.bundles[-1])
    with open_signer(tmp_path / "mallory") as signer:
        bundle = reports.bundles[-1]
        signed = signer.sign((bundle / "SHA256SUMS").read_bytes(), namespace="restore-proof")
        (bundle / "SHA256SUMS.sig").write_bytes(signed)
    _, states = audit(reports, "--signers", str(reports.signers), capsys=capsys)
    assert any(name.startswith("the signature: not trusted") for name in states["broken"])


@pytest.mark.parametrize("options", [[], ["--signers"]])
def test_a_signature_that_was_taken_away_is_missed(
    options: list[str], reports: Reports, capsys: pytest.CaptureFixture[str]
) -> None:
    (reports.bundles[1] / "SHA256SUMS.sig").unlink()
    given = [*options, *([str(reports.signers)] if options else [])]
    code, states = audit(reports, *given, capsys=capsys)
    assert code == 1
    assert [name for name in states["broken"] if name.startswith("the signature: expected a signature")]


def test_whoever_was_never_said_to_sign_is_missed_where_signers_are_named(
    reports: Reports, capsys: pytest.CaptureFixture[str]
) -> None:
    unsigned(reports)
    code, states = audit(reports, "--signers", str(reports.signers), capsys=capsys)
    assert code == 1
    assert len([name for name in states["broken"] if name.startswith("the signature")]) == DRILLS


@pytest.mark.parametrize(
    ("gone", "says"), [([1], "drill 2 is missing"), ([1, 2], "drills 2 to 3 are missing"), ([0], "drill 1 is missing")]
)
def test_a_drill_that_is_missing_inside_the_chain_is_found(
    gone: list[int], says: str, reports: Reports, capsys: pytest.CaptureFixture[str]
) -> None:
    bundles = reports.bundles
    for number in gone:
        shutil.rmtree(bundles[number])
    code, states = audit(reports, "--signers", str(reports.signers), capsys=capsys)
    assert code == 1
    assert states["broken"] == [f"the chain of drills: {says}"]


def test_a_second_root_and_a_second_successor_are_found(reports: Reports, capsys: pytest.CaptureFixture[str]) -> None:
    unsigned(reports)
    second = reports.bundles[1]
    twin = second.with_name(second.name[:-4] + "ffff")
    shutil.copytree(second, twin)

    def edit(facts: dict[str, Any]) -> None:
        facts["drill"]["id"] = facts["drill"]["id"][:-4] + "ffff"
        facts["drill"]["previous"] = None

    rewrite(twin, edit)
    code, states = audit(reports, capsys=capsys)
    assert code == 1
    (told,) = [name for name in states["broken"] if name.startswith("the chain")]
    assert "expected one drill 2, got 2" in told
    assert "begins a chain of its own" in told


def test_a_drill_that_was_made_anew_does_not_carry_the_next(
    reports: Reports, capsys: pytest.CaptureFixture[str]
) -> None:
    unsigned(reports)
    rewrite(reports.bundles[1], lambda facts: facts["drill"].update(machine="another"))
    code, states = audit(reports, capsys=capsys)
    assert code == 1
    assert any("drill 3 does not follow the drill 2 that is there" in name for name in states["broken"])


def test_that_the_newest_were_taken_away_shows_against_an_anchor_alone(
    reports: Reports, capsys: pytest.CaptureFixture[str]
) -> None:
    head = head_of(reports)
    shutil.rmtree(reports.bundles[-1])
    signers = ["--signers", str(reports.signers)]
    code, states = audit(reports, *signers, capsys=capsys)
    assert (code, states["broken"]) == (0, [])
    assert any("may have been taken away" in name for name in states["not checked"])
    code, states = audit(reports, *signers, "--head", head, capsys=capsys)
    assert code == 1
    assert states["broken"] == [f"an anchor: no drill {DRILLS} here has a proof of SHA-256 {head.split(':')[1]}"]


def test_an_anchor_in_the_middle_says_how_far_it_reaches(reports: Reports, capsys: pytest.CaptureFixture[str]) -> None:
    second = hashlib.sha256((reports.bundles[1] / "proof.json").read_bytes()).hexdigest()
    code, states = audit(reports, "--head", f"2:{second}", capsys=capsys)
    assert code == 0
    assert any("anchored up to drill 2" in name for name in states["not checked"])


@pytest.mark.parametrize("head", ["0:" + "ab" * 32, "4", "4:xyz", "4:" + "AB" * 32])
def test_an_anchor_that_is_none_is_refused(head: str, reports: Reports, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main(["audit", str(reports.folder), "--head", head])
    assert raised.value.code == 2
    assert "expected a number and a SHA-256" in capsys.readouterr().err


def test_an_empty_folder_is_no_audit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", str(tmp_path)]) == 3
    assert "at least one bundle" in capsys.readouterr().err


def test_a_person_reads_what_is_broken(reports: Reports, capsys: pytest.CaptureFixture[str]) -> None:
    put_a_file_beside(reports.bundles[0])
    (reports.bundles[0] / "\x1b[31mred").write_text("")
    capsys.readouterr()
    assert main(["audit", str(reports.folder)]) == 1
    said = capsys.readouterr().out
    assert "broken: nothing beside the sums: no sum is of \\x1b[31mred; no sum is of note.txt" in said
    assert said.splitlines()[-1] == "32 holds, 1 broken, 5 not checked"


def test_bundles_of_every_kind_of_drill_hold(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Generations, a list of another program, a budget, what is overdue, a heartbeat, changed and missing files."""
    place = Place(tmp_path)
    place.fill(
        {f"{number:03}.jpg": noise(500 + number, number) for number in range(FILES)} | {"large": noise(90_000, 1)}
    )
    assert main(["heartbeat", str(place.live)]) == 0
    place.back_up()
    generations = tmp_path / "generations"
    generations.mkdir()
    place.know()
    shutil.copy(place.manifest, generations / "20200101T000000Z.jsonl")
    sums = tmp_path / "SHA256SUMS"
    lines = [
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in sorted(place.live.glob("*.jpg"))
    ]
    sums.write_text("".join(lines))
    (place.copy / "007.jpg").unlink()
    change(place.copy, "008.jpg", lambda data: flip(data, 3))
    change(place.copy, "009.jpg", lambda data: data + b"newer", seconds=THEN + 500_000)
    copy = f'[[copy]]\nname = "nas"\nat = "{place.copy}"\n'
    ask = 'name = "photos"\n'
    place.drill(f'{ask}manifest = "{generations}"\n[sample]\nfiles = 10\n{copy}')
    budget = '[budget]\nbytes = "30kB"\n[objectives]\ncoverage = "1d"\n'
    place.drill(f'{ask}manifest = "{place.manifest}"\n[sample]\nfiles = 10\n{budget}{copy}')
    place.drill(f'{ask}manifest = "{sums}"\n[sample]\nfiles = 10\n{copy}')
    place.drill(f'{ask}manifest = "{place.manifest}"\n{copy}', "--full")
    place.drill(f'{ask}manifest = "{place.manifest}"\n{copy}', "--only", "01?.jpg", "--sample", "3")
    place.prove("--sample", "5", against=True)
    capsys.readouterr()
    code = main(["audit", str(place.reports)])
    said = capsys.readouterr().out
    assert "broken" not in said, said
    assert code == 0
    assert said.count("holds: the sample, drawn again") == 6
