"""The parts of telling: what is wanted, which ping, the outbox, receipts, the attachment."""

from __future__ import annotations

import json
import os
import stat
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from verifier.bundle.durable import try_lock
from verifier.deliver.attachment import attach
from verifier.deliver.bodies import ping_text, webhook_json
from verifier.deliver.news import is_wanted, signal_of
from verifier.deliver.outbox import MOST_ITEMS, Outbox, Outgoing, drill_in
from verifier.deliver.receipt import FILE_NAME, Receipt, append
from verifier.errors import DeliveryError
from verifier.report import Told

SHA256 = "9f" * 32


def told(result: str | None, **more: object) -> Told:
    return Told(scenario="photos", result=result, number=12, sha256=SHA256, **more)  # type: ignore[arg-type]


RESULTS = ("PASSED", "WARNED", "FAILED", "INCONCLUSIVE", None)


@pytest.mark.parametrize("limited", [False, True])
@pytest.mark.parametrize("other", RESULTS)
@pytest.mark.parametrize("result", RESULTS)
def test_only_passed_and_nothing_else_pings_success(result: str, other: str, *, limited: bool) -> None:
    good = result == other == "PASSED"
    expected = ("log" if limited else "success") if good else "fail"
    assert signal_of([told(result), told(other)], limited=limited) == expected


def test_nothing_is_no_success() -> None:
    assert signal_of([], limited=False) == "fail"


@pytest.mark.parametrize("but", [{"only": ("a",)}, {"interrupted": True}])
def test_a_part_of_it_is_no_success(but: dict[str, object]) -> None:
    assert signal_of([told("PASSED"), told("PASSED", **but)], limited=False) == "log"


def test_what_was_asked_for_and_is_not_there_is_no_success() -> None:
    assert signal_of([told("PASSED", trouble="not signed")], limited=False) == "fail"


@pytest.mark.parametrize("when", ["failed", "changed"])
def test_what_could_not_be_drilled_or_signed_is_always_told(when: str) -> None:
    assert is_wanted(when, [told("PASSED", verdict_before="PASSED"), told(None)])
    assert is_wanted(when, [told("PASSED", verdict_before="PASSED", trouble="not signed")])
    assert not is_wanted(when, [told("PASSED", verdict_before="PASSED")])


def test_a_first_verdict_is_a_change() -> None:
    assert is_wanted("changed", [told("PASSED")])


def test_bodies_are_short_and_hold_heads() -> None:
    assert ping_text([told("PASSED")]).decode() == f"PASSED: photos\nPASSED photos 12:{SHA256}\n"
    many = ping_text([told("FAILED", only=("x" * 900,)) for _ in range(50)])
    assert len(many) <= 10_000
    assert many.endswith(b"\n...\n")
    assert json.loads(webhook_json([told("PASSED"), told(None)]))["result"] == "NOT DRILLED"


def test_a_ping_s_lines_are_ours_alone() -> None:
    said = ping_text([Told(scenario="photos", problem="gone\nPASSED photos 13:00")]).decode()
    assert said == "NOT DRILLED: photos\nNOT DRILLED photos gone\\nPASSED photos 13:00\n"


def outgoing(**more: object) -> Outgoing:
    values = {"channel": "email", "created_at": "2026-11-22T18:30:00Z", "scenarios": ("photos",), "drills": ()}
    return Outgoing(**{**values, **more})  # type: ignore[arg-type]


def test_what_is_put_is_what_is_taken(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "state")
    folder = Path(os.fsdecode(b"/reports/\xff"))
    drill = drill_in(folder, scenario="photos", number=12, sha256=SHA256)
    path = outbox.put(outgoing(drills=(drill,)), b"a\r\nb\n\0")
    assert outbox.paths() == [path]
    with outbox.taken(path) as held:
        assert held == (outgoing(drills=(drill,)), b"a\r\nb\n\0")
        assert held[0].drills[0].folder == folder
    assert stat.S_IMODE(outbox.folder.stat().st_mode) == 0o700


def test_what_another_sends_is_left_to_it(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    path = outbox.put(outgoing(), b"mail")
    with path.open("rb") as other:
        assert try_lock(other.fileno())
        with outbox.taken(path) as held:
            assert held is None
    path.unlink()
    with outbox.taken(path) as held:
        assert held is None


@pytest.mark.parametrize("data", [b"", b"{}\nmail", b"not json\nmail", b'{"outgoing":"verifier/2"}\nx', b"\xff\n"])
def test_what_is_none_of_ours_is_told(tmp_path: Path, data: bytes) -> None:
    outbox = Outbox(tmp_path)
    path = outbox.put(outgoing(), b"mail")
    path.write_bytes(data)
    with pytest.raises(DeliveryError, match="got what can't be read"), outbox.taken(path):
        pass


def test_a_cut_off_mail_is_told(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    path = outbox.put(outgoing(), b"mail")
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(DeliveryError), outbox.taken(path):
        pass


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    path = outbox.put(outgoing(), b"mail")
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DeliveryError), outbox.taken(path):
        pass


def test_the_oldest_leave_a_full_outbox(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    for number in range(MOST_ITEMS + 2):
        outbox.put(outgoing(created_at=f"2026-11-22T18:{number:02}:00Z"), b"mail")
    dropped = list(outbox.drop_oldest())
    assert [one and one.created_at for one in dropped] == ["2026-11-22T18:00:00Z", "2026-11-22T18:01:00Z"]
    assert len(outbox.paths()) == MOST_ITEMS


def test_what_can_t_be_removed_is_told(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(DeliveryError, match="would be sent again"):
        outbox.remove(tmp_path / "folder")


def receipt(state: str = "delivered") -> Receipt:
    return Receipt(
        at="2026-11-22T18:30:00Z",
        channel="email",
        state=state,
        head=f"12:{SHA256}",
        number=12,
        proof_sha256=SHA256,  # type: ignore[arg-type]
    )


def test_receipts_are_lines_also_behind_one_that_was_cut_off(tmp_path: Path) -> None:
    append(tmp_path, receipt())
    with (tmp_path / FILE_NAME).open("ab") as file:
        file.write(b'{"cut')
    append(tmp_path, receipt("kept"))
    lines = (tmp_path / FILE_NAME).read_text().splitlines()
    assert [json.loads(lines[0])["state"], lines[1], json.loads(lines[2])["state"]] == ["delivered", '{"cut', "kept"]


@pytest.mark.parametrize("kind", ["link", "pipe", "gone"])
def test_a_receipt_leaves_the_bundle_by_no_link_and_waits_for_no_pipe(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "bundle"
    if kind != "gone":
        folder.mkdir()
    if kind == "link":
        (folder / FILE_NAME).symlink_to(tmp_path / "elsewhere")
    if kind == "pipe":
        os.mkfifo(folder / FILE_NAME)
    with pytest.raises(DeliveryError, match="can't write a receipt"):
        append(folder, receipt())
    assert not (tmp_path / "elsewhere").exists()


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "photos" / "20261122T183000Z-7c1fe2"
    folder.mkdir(parents=True)
    for name in ("SHA256SUMS", "report.md", "proof.json", "findings.jsonl", "outcomes.jsonl.zst"):
        (folder / name).write_bytes(name.encode() + os.urandom(2000))
    (folder / "delivery.jsonl").write_text("{}")
    return folder


def names_in(data: bytes | None) -> list[str]:
    assert data is not None
    with zipfile.ZipFile(BytesIO(data)) as archive:
        return [name.rpartition("/")[2] for name in archive.namelist()]


@pytest.mark.parametrize("limit", range(1000, 14_000, 777))
def test_an_attachment_keeps_its_limit_and_names_what_it_lacks(bundle: Path, limit: int) -> None:
    made = attach([bundle], whole=True, limit_bytes=limit)
    held = names_in(made.data) if made.data else []
    assert len(made.data or b"") * 78 / 57 <= limit
    missing = {"SHA256SUMS", "report.md", "proof.json", "findings.jsonl", "outcomes.jsonl.zst"} - set(held)
    assert all(name in " ".join(made.notes) for name in missing)


def test_an_attachment_holds_no_link_s_end_and_says_so(bundle: Path) -> None:
    (bundle / "proof.json").unlink()
    (bundle / "proof.json").symlink_to("/etc/passwd")
    made = attach([bundle], whole=False, limit_bytes=10**6)
    assert names_in(made.data) == ["SHA256SUMS", "report.md"]
    assert "could not be read" in " ".join(made.notes)


def test_the_same_bundle_is_the_same_zip(bundle: Path) -> None:
    first = attach([bundle], whole=True, limit_bytes=10**6).data
    os.utime(bundle / "proof.json", (1, 1))
    assert attach([bundle], whole=True, limit_bytes=10**6).data == first
