from __future__ import annotations

import gzip
import hashlib
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import zstandard
from mounted import MustRun, mounted
from sample_proof import sample_proof

from verifier import proof as proofs
from verifier.bundle import index_rows, reserve, write_bundle, write_reports
from verifier.errors import BundleError, UsageError
from verifier.report import render_html, render_markdown

PROOF = proofs.to_bytes(sample_proof())
NAME = "20261122T183000Z-7c1fe2"
FINDINGS = [b'{"kind":"MISSING","path":"a"}', b'{"kind":"MISSING","path":"b"}\n']
OUTCOMES = [b'{"outcome":"match","path":"%d"}' % number for number in range(50_000)]
FILES = {"proof.json", "report.html", "report.md", "findings.jsonl", "outcomes.jsonl.zst", "SHA256SUMS"}


def write(reports: Path, proof: bytes = PROOF, **changes: object) -> Path:
    options: dict[str, object] = {
        "findings": iter(FINDINGS),
        "outcomes": iter(OUTCOMES),
        "manifests": {},
        "formats": ("html", "markdown"),
    }
    return write_bundle(reports, proof, **(options | changes))  # type: ignore[arg-type]


def in_process(code: str, *arguments: object, **options: object) -> subprocess.Popen[str]:
    """Start Python on `code`, as a user who may not simply write everywhere."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,  # type: ignore[call-overload]
    )


def leftovers(reports: Path) -> list[str]:
    return sorted(path.name for path in reports.rglob("*") if path.name.endswith(".partial"))


def test_a_bundle_holds_everything_under_its_name(tmp_path: Path) -> None:
    bundle = write(tmp_path / "deep" / "reports")
    assert bundle == tmp_path / "deep" / "reports" / "family-photos" / NAME
    assert {path.name for path in bundle.iterdir()} == FILES
    assert (bundle / "proof.json").read_bytes() == PROOF
    assert (bundle / "findings.jsonl").read_bytes() == b"".join(line.strip() + b"\n" for line in FINDINGS)
    with zstandard.open(bundle / "outcomes.jsonl.zst", "rb") as outcomes:
        assert outcomes.read() == b"".join(line + b"\n" for line in OUTCOMES)
    proof, sha256 = proofs.from_bytes(PROOF), hashlib.sha256(PROOF).hexdigest()
    assert (bundle / "report.html").read_text() == render_html(proof, proof_sha256=sha256)
    assert (bundle / "report.md").read_text() == render_markdown(proof, proof_sha256=sha256)
    assert not leftovers(tmp_path)


def test_stock_tools_check_it_and_see_a_change(tmp_path: Path) -> None:
    bundle = write(tmp_path)
    check = ["sha256sum", "--strict", "-c", "SHA256SUMS"] if sys.platform == "linux" else ["shasum", "-a", "256", "-c"]
    good = subprocess.run([*check], cwd=bundle, capture_output=True, text=True, check=False)
    assert good.returncode == 0
    assert [line.split(": ") for line in good.stdout.splitlines()] == [
        [name, "OK"] for name in sorted(FILES - {"SHA256SUMS"})
    ]
    with (bundle / "findings.jsonl").open("ab") as file:
        file.write(b"\n")
    assert subprocess.run([*check], cwd=bundle, capture_output=True, check=False).returncode != 0
    whole = subprocess.run(["zstd", "-t", "outcomes.jsonl.zst"], cwd=bundle, capture_output=True, check=False)
    assert whole.returncode == 0


@pytest.mark.parametrize(
    ("formats", "there"), [((), set()), (("html",), {"report.html"}), (("markdown",), {"report.md"})]
)
def test_only_the_formats_that_are_wanted(tmp_path: Path, formats: tuple[str, ...], there: set[str]) -> None:
    bundle = write(tmp_path, formats=formats)
    assert {path.name for path in bundle.iterdir()} & {"report.html", "report.md"} == there


def test_a_format_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="got pdf"):
        write(tmp_path, formats=("pdf",))


def test_a_bundle_is_never_written_twice(tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in write(tmp_path).iterdir()}
    with pytest.raises(BundleError, match="expected a new folder, got one that exists"):
        write(tmp_path, findings=[])
    assert {path: path.read_bytes() for path in before} == before
    assert not leftovers(tmp_path)


def test_what_is_no_proof_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="canonical"):
        write(tmp_path, PROOF + b" ")
    assert not list(tmp_path.iterdir())


def test_trouble_while_writing_leaves_no_bundle(tmp_path: Path) -> None:
    def breaks() -> Iterator[bytes]:
        yield b"{}"
        raise RuntimeError("the table broke")

    with pytest.raises(RuntimeError, match="the table broke"):
        write(tmp_path, outcomes=breaks())
    assert not list((tmp_path / "family-photos").iterdir())


@pytest.mark.parametrize("scenario", ["../out", "a/b", "", ".hidden", "manifests", "index.html", "x\n", "a" * 200])
def test_a_name_that_is_no_folder_of_ours_is_refused(tmp_path: Path, scenario: str) -> None:
    with pytest.raises(BundleError, match="expected a scenario's name"):
        write(tmp_path / "reports", proofs.to_bytes(sample_proof(scenario=scenario)))
    assert not list(tmp_path.rglob("proof.json"))


@pytest.mark.parametrize("changes", [{"drill_id": "../../x"}, {"drill_id": ""}, {"started_at": "yesterday/../x"}])
def test_an_id_or_a_time_that_is_no_name_is_refused(tmp_path: Path, changes: dict[str, str]) -> None:
    with pytest.raises(BundleError, match="expected a drill's"):
        write(tmp_path, proofs.to_bytes(sample_proof(**changes)))


def test_a_link_does_not_lead_a_bundle_elsewhere(tmp_path: Path) -> None:
    reports, elsewhere = tmp_path / "reports", tmp_path / "elsewhere"
    reports.mkdir()
    elsewhere.mkdir()
    for name in ("family-photos", "manifests"):
        (reports / name).symlink_to(elsewhere)
        with pytest.raises(BundleError, match="expected a folder, got a link"):
            write(reports, manifests={IDENTITY: Path(__file__)})
        (reports / name).unlink()
    assert not list(elsewhere.iterdir())


IDENTITY = "e3" * 32
"""What the sample proof states."""
MANIFEST = b'{"manifest":"verifier/1"}\n' * 1000


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(MANIFEST, id="plain"),
        pytest.param(gzip.compress(MANIFEST), id="gzip"),
        pytest.param(zstandard.compress(MANIFEST), id="zstd"),
    ],
)
def test_a_manifest_is_kept_once(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "known.good").write_bytes(content)
    reports = tmp_path / "reports"
    write(reports, manifests={IDENTITY: tmp_path / "known.good"})
    kept = reports / "manifests" / f"{IDENTITY}.jsonl.zst"
    with zstandard.open(kept, "rb") as file:
        assert file.read() == MANIFEST
    assert (kept.read_bytes() == content) == content.startswith(b"\x28\xb5\x2f\xfd")
    before = kept.stat()
    write(reports, proofs.to_bytes(sample_proof(drill_id="other")), manifests={IDENTITY: tmp_path / "known.good"})
    assert (kept.stat().st_ino, kept.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert len(list(kept.parent.iterdir())) == 1


def test_a_manifest_that_is_gone_is_told_and_leaves_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="No such file"):
        write(tmp_path, manifests={IDENTITY: tmp_path / "gone"})
    assert not list((tmp_path / "family-photos").iterdir())


KILLED = """
    import sys, time
    from pathlib import Path
    from verifier.bundle import write_bundle
    stop = sys.argv[3]
    def lines(name):
        yield b"{}"
        if name == stop:
            print("in the middle", flush=True)
            time.sleep(60)
    write_bundle(Path(sys.argv[1]), Path(sys.argv[2]).read_bytes(), findings=lines("findings"),
                 outcomes=lines("outcomes"), manifests={}, formats=("html", "markdown"))
"""


@pytest.mark.parametrize("where", ["findings", "outcomes"])
def test_killed_in_the_middle_there_is_no_bundle(tmp_path: Path, where: str) -> None:
    (tmp_path / "proof").write_bytes(PROOF)
    reports = tmp_path / "reports"
    with in_process(KILLED, reports, tmp_path / "proof", where) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "in the middle\n"
        visible = [path for path in (reports / "family-photos").iterdir() if not path.name.startswith(".")]
        assert not visible
        assert leftovers(reports) == [f".{NAME}.partial"]
        # While its writer lives, the folder stays, also when another bundle is written.
        other = write(reports, proofs.to_bytes(sample_proof(drill_id="other")))
        assert leftovers(reports) == [f".{NAME}.partial"]
        process.send_signal(signal.SIGKILL)
    assert {row.folder for row in index_rows(reports)} == {other.name}
    bundle = write(reports)  # the dead writer's folder had its very name
    assert {path.name for path in bundle.iterdir()} == FILES
    assert not leftovers(reports)


def test_what_only_looks_like_a_leftover_stays(tmp_path: Path) -> None:
    scenario = tmp_path / "family-photos"
    (scenario / ".mine.partial").mkdir(parents=True)
    (scenario / f".{NAME}x.partial" / "folder").mkdir(parents=True)
    (tmp_path / ".notes.partial").touch()
    (tmp_path / ".index.html.0123456789abcdef.partial").touch()
    write(tmp_path)
    assert leftovers(tmp_path) == [f".{NAME}x.partial", ".mine.partial", ".notes.partial"]


LIMITED = """
    import resource, sys
    from pathlib import Path
    from verifier.bundle import reserve, write_bundle
    from verifier.errors import BundleError
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
    def lines():
        for number in range(30_000):
            yield b'{"path":"%060d"}' % number
    try:
        if sys.argv[3] == "reserve":
            with reserve(Path(sys.argv[1])):
                print("reserved")
        else:
            write_bundle(Path(sys.argv[1]), Path(sys.argv[2]).read_bytes(), findings=lines(), outcomes=[],
                         manifests={}, formats=())
    except BundleError as error:
        print(error.message, error.hint, sep="|")
"""


@pytest.mark.parametrize("what", ["reserve", "write"])
def test_no_room_is_told_and_leaves_nothing(tmp_path: Path, what: str) -> None:
    (tmp_path / "proof").write_bytes(PROOF)
    reports = tmp_path / "reports"
    with in_process(LIMITED, reports, tmp_path / "proof", what) as process:
        out, err = process.communicate(timeout=60)
    assert "File too large" in out, err
    assert "make room there, or name a folder" in out
    assert not [path for path in reports.rglob("*") if path.is_file()]


READ_ONLY = """
    import os, sys
    from pathlib import Path
    from verifier.bundle import claim, reserve, write_bundle
    from verifier.errors import BundleError
    reports, proof = Path(sys.argv[1]), sys.stdin.buffer.read()
    if os.geteuid() == 0:
        os.setuid(65534)
    def write():
        write_bundle(reports, proof, findings=[], outcomes=[], manifests={}, formats=())
    def hold(context):
        with context:
            print("held")
    for step in (write, lambda: hold(reserve(reports)), lambda: hold(claim(reports, "photos", holder="me"))):
        try:
            step()
        except BundleError as error:
            print(error.exit_code, error.message)
"""


def test_reports_that_can_not_be_written_are_told(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("read-only")
    for parent in (folder, folder.parent):
        parent.chmod(0o755)
    folder.chmod(0o555)
    with in_process(READ_ONLY, folder, stdin=subprocess.PIPE) as process:
        out, err = process.communicate(PROOF.decode(), timeout=60)
    assert [line[:11] for line in out.splitlines()] == ["3 expected "] * 3, err
    assert out.count("Permission denied") == 3
    folder.chmod(0o755)
    assert not list(folder.iterdir())


def test_reserved_room_is_really_taken_until_released(tmp_path: Path) -> None:
    with reserve(tmp_path / "reports", 3_000_000) as reservation:
        facts = os.fstat(reservation._file.fileno())
        assert facts.st_size == 3_000_000
        assert facts.st_blocks * 512 >= 3_000_000
        assert not list((tmp_path / "reports").iterdir())  # nothing to be left behind by a kill
        reservation.release()
        with pytest.raises(ValueError, match="closed"):
            reservation._file.fileno()
        reservation.release()


FULL_DISK = """
    import os, sys
    from pathlib import Path
    from verifier.bundle import reserve, write_bundle
    disk = Path(sys.argv[1])
    with reserve(disk) as reservation:
        try:
            with (disk / "somebody else").open("wb") as file:
                while True:
                    file.write(bytes(65536)); file.flush()
        except OSError as error:
            print("full", error.errno)
        reservation.release()
        print(write_bundle(disk, sys.stdin.buffer.read(), findings=[b"{}"], outcomes=[], manifests={},
                           formats=("html", "markdown")))
"""


def test_a_disk_that_fills_up_does_not_lose_the_proof(tmp_path: Path, must_run: MustRun) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    with mounted(must_run, "-t", "tmpfs", "-o", "size=4m", "none", disk):
        with in_process(FULL_DISK, disk, stdin=subprocess.PIPE) as process:
            out, err = process.communicate(PROOF.decode(), timeout=60)
        assert out == f"full 28\n{disk / 'family-photos' / NAME}\n", err
        assert (disk / "family-photos" / NAME / "proof.json").read_bytes() == PROOF


def test_the_page_of_all_drills_is_made_from_all_proofs(tmp_path: Path) -> None:
    old = write(tmp_path, proofs.to_bytes(sample_proof(drill_id="old", started_at="2026-11-01T08:00:00Z")))
    new = write(tmp_path)
    other = write(tmp_path, proofs.to_bytes(sample_proof(scenario="docs")), formats=("markdown",))
    page = (tmp_path / "index.html").read_text()
    hrefs = [f'href="./{bundle.relative_to(tmp_path)}/report.html"' for bundle in (new, old)]
    assert page.index(hrefs[0]) < page.index(hrefs[1])
    assert f'href="./{other.relative_to(tmp_path)}/report.md"' in page
    assert page.count("FAILED") >= 3


def test_a_proof_that_can_not_be_read_is_shown_as_such(tmp_path: Path) -> None:
    scenario = write(tmp_path).parent
    (scenario / "20260101T000000Z-gone").mkdir()
    cut = scenario / "20260102T000000Z-cut"
    cut.mkdir()
    (cut / "proof.json").write_bytes(PROOF[:1000])
    linked = scenario / "20260103T000000Z-linked"
    linked.mkdir()
    (linked / "proof.json").symlink_to(scenario / NAME / "proof.json")
    pipe = scenario / "20260104T000000Z-pipe"
    pipe.mkdir()
    os.mkfifo(pipe / "proof.json")
    future = scenario / "<script>"
    future.mkdir()
    (future / "proof.json").write_bytes(PROOF.replace(b'"verifier/1"', b'"verifier/9"'))
    rows = {row.folder: row for row in index_rows(tmp_path)}
    assert rows.pop(NAME).problem is None
    assert {folder[:20] for folder in rows} == {
        "20260101T000000Z-gon",
        "20260102T000000Z-cut",
        "20260103T000000Z-lin",
        "20260104T000000Z-pip",
        "<script>",
    }
    assert all(row.problem and row.result is None for row in rows.values())
    write(tmp_path, proofs.to_bytes(sample_proof(drill_id="next")))
    page = (tmp_path / "index.html").read_text()
    assert page.count("UNREADABLE") == 5
    assert "<script" not in page


def test_reports_are_rendered_again_byte_for_byte(tmp_path: Path) -> None:
    bundle = write(tmp_path)
    again = write_reports(tmp_path / "again", (bundle / "proof.json").read_bytes())
    assert [path.name for path in again] == ["report.html", "report.md"]
    for path in again:
        assert path.read_bytes() == (bundle / path.name).read_bytes()
    (tmp_path / "again" / "report.md").write_text("edited")
    write_reports(tmp_path / "again", PROOF)
    assert len(list((tmp_path / "again").iterdir())) == 2
    assert (tmp_path / "again" / "report.md").read_bytes() == (bundle / "report.md").read_bytes()


def test_all_that_a_report_says_is_read_from_the_bytes(tmp_path: Path) -> None:
    proof = sample_proof()
    changed = msgspec.structs.replace(proof, drill=msgspec.structs.replace(proof.drill, machine="another-machine"))
    bundle = write(tmp_path, proofs.to_bytes(changed))
    assert "another-machine" in (bundle / "report.html").read_text()
