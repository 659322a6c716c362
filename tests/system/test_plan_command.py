"""What a plan says is what the drill then does, and a plan leaves nothing behind."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from b2_served import BUCKET
from drill_processes import Ended, Home, many, put
from secret_file import secret_file

from verifier.demo.b2_server import B2Server
from verifier.prices import b2_prices


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Give a copy with files that were moved, changed and lost since, and one that some patterns always want."""
    files = {**many(300), "000/000001.jpg": b"the only one of its size"}
    home = Home(tmp_path_factory.mktemp("dataset")).fill(files)
    (home.copy / "000/000001.jpg").rename(home.copy / "000/renamed.jpg")
    (home.copy / "000/000002.jpg").unlink()
    for number in range(3, 8):
        put(home.copy / f"000/{number:06}.jpg", b"rewritten", seconds=1_790_000_000)
    return home


@pytest.fixture
def home(dataset: Home, tmp_path: Path) -> Home:
    return dataset.beside(str(tmp_path))


def scenario(home: Home, sample: str, at: Path | None = None) -> Path:
    copy = f'[[copy]]\nname = "nas"\nat = "{at or home.copy}"\n'
    return home.scenario("photos", f'manifest = "{home.manifest}"\n[sample]\n{sample}\n{copy}')


def plan(home: Home, *arguments: str | Path) -> tuple[Ended, dict[str, Any]]:
    ended = home.run("plan", *arguments, "--json", places=False)
    stated = json.loads(ended.stdout)
    assert ended.stdout.count(b"\n") == 1
    (copy,) = stated["copies"]
    return ended, copy


@pytest.mark.parametrize(
    ("sample", "options"),
    [
        ("confidence = 0.9", ()),
        ("full = true", ()),
        ("", ("--sample", "17")),
        ("", ("--full",)),
        ('always = ["001/"]\ntolerable = 0.2', ()),
        ('always = ["001/"]', ("--full",)),
        ("", ("--full", "--only", "002/")),
        ("", ("--only", "nothing")),
    ],
)
def test_a_plan_says_what_the_drill_then_does(home: Home, sample: str, options: tuple[str, ...]) -> None:
    file = scenario(home, sample)
    ended, planned = plan(home, file, *options)
    assert (ended.code, ended.stderr) == (0, "")
    copy = home.run_here("drill", file, *options).copy
    assert planned["copy"] == copy.name == "nas"
    assert (planned["comparable_files"], planned["comparable_bytes"]) == (copy.population.files, copy.population.bytes)
    assert (planned["restored_files"], planned["restored_bytes"]) == (copy.planned.files, copy.planned.bytes)
    if copy.assurance is not None and not copy.assurance.bad:
        assert planned["at_most_bad_files"] == copy.assurance.at_most_bad_files
        assert planned["confidence"] == copy.assurance.confidence


def test_a_plan_knows_that_only_some_of_many_changed_files_are_restored(tmp_path: Path) -> None:
    home = Home(tmp_path).fill(many(300, 10))
    for number in range(220):
        put(home.copy / f"{number // 100:03}/{number:06}.jpg", b"rewritten", seconds=1_790_000_000)
    file = scenario(home, "")
    _, planned = plan(home, file, "--sample", "10")
    copy = home.run_here("drill", file, "--sample", "10").copy
    assert planned["restored_files"] == copy.planned.files == 10 + 200
    assert planned["restored_bytes"] == copy.planned.bytes
    assert planned["newer_files"] == 220


def test_a_plan_is_told_in_words(home: Home) -> None:
    ended = home.run("plan", scenario(home, ""), "--sample", "30", places=False)
    assert ended.code == 0
    told = ended.stdout.decode()
    assert told.startswith("photos\n  nas: restores 36 files, about 68.4 KiB, of 293 comparable files (572 KiB)\n")
    assert "\n    30 of 293 files, drawn by lot: if 27 or more of them are bad" in told
    assert "changed since, which would be counted and not held against it: 5 files" in told
    nothing = home.run("plan", scenario(home, ""), "--only", "nothing", places=False)
    assert "the drill would be INCONCLUSIVE" in nothing.stdout.decode()


def test_a_plan_leaves_nothing_behind(home: Home, tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    file = scenario(home, "")
    environment = {
        "TMPDIR": str(temporary),
        "XDG_STATE_HOME": str(tmp_path / "s"),
        "XDG_CACHE_HOME": str(tmp_path / "c"),
    }
    with home.start("plan", file, env=environment, places=False, cwd=tmp_path) as running:
        assert running.end().code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [file.name, "temporary"]
    assert list(temporary.iterdir()) == []


def test_a_copy_that_cannot_be_listed_has_no_plan(home: Home, tmp_path: Path) -> None:
    ended, planned = plan(home, scenario(home, "", at=tmp_path / "nowhere"))
    assert ended.code == 3
    assert (planned["restored_files"], planned["comparable_files"]) == (0, 0)
    assert "nowhere" in planned["trouble"]
    told = home.run("plan", scenario(home, "", at=tmp_path / "nowhere"), places=False)
    assert told.code == 3
    assert "nas: can't be drilled: expected a folder" in told.stdout.decode()


@pytest.mark.parametrize("wrong", ["0", "-3", "many"])
def test_a_plan_refuses_what_a_drill_refuses(home: Home, wrong: str) -> None:
    ended = home.run("plan", scenario(home, ""), "--sample", wrong, places=False)
    assert ended.code == 2
    assert ended.stdout == b""


def planned_lines(home: Home, file: Path) -> list[str]:
    ended = home.run("plan", file, "--state", home.state, "--scratch", home.scratch, places=False)
    assert (ended.code, ended.stderr) == (0, "")
    return [line.strip() for line in ended.stdout.decode().splitlines()]


def test_a_plan_knows_what_earlier_drills_proved_and_how_long_they_took(tmp_path: Path) -> None:
    home = Home(tmp_path).fill(many(400, 50))
    file = scenario(home, "files = 100")
    before = planned_lines(home, file)
    assert "ever proven from it: 0 of 400 files; after this drill about 106" in before
    assert "how long it takes can't be told before the first drill" in before
    assert home.run_here("drill", file).code == 0

    after = planned_lines(home, file)
    (proven,) = (
        line for line in after if line.startswith("ever proven from it: 106 of 400 files, the longest ago on 20")
    )
    # Of the 294 that were never proven the sample finds its part; the largest and newest take turns or are proven.
    expected = int(proven.rpartition(" ")[2])
    assert home.run_here("drill", file).copy.coverage.proven.files == pytest.approx(expected, abs=15)
    assert [line for line in after if line.startswith("takes about") and line.endswith("by the last drill")]
    assert [line for line in after if line.startswith("a full restore takes about")]


def test_a_plan_tells_what_is_overdue_and_what_would_keep_the_promise(tmp_path: Path) -> None:
    home = Home(tmp_path).fill(many(60, 50))
    file = scenario(home, "files = 20")
    assert home.run_here("drill", file).code == 0
    with contextlib.closing(sqlite3.connect(home.state / "ledger.sqlite")) as ledger:
        ledger.execute("UPDATE drill SET finished_at = '2026-01-01T00:00:00Z'")
        ledger.execute("UPDATE proven SET proven_at = 1767225600")
        ledger.commit()
    file.write_text(file.read_text("utf-8").replace("[sample]", '[objectives]\ncoverage = "90d"\n[sample]'))
    told = planned_lines(home, file)
    assert "overdue, not proven for longer than wanted: 60 files" in told
    assert [line for line in told if "every 31 days, prove each of" in line and line.endswith("within 90 days")]


def test_a_plan_says_what_no_drill_can_restore(tmp_path: Path) -> None:
    home = Home(tmp_path).fill({**many(60, 50), "large.bin": b"x" * 20_000})
    file = scenario(home, "")
    file.write_text(file.read_text("utf-8").replace("[sample]", '[budget]\nbytes = "10KB"\n[sample]'))
    assert "can't be drilled, since the budget is smaller than each: 1 file (19.5 KiB)" in planned_lines(home, file)


def test_a_plan_of_a_copy_in_b2_counts_calls_egress_and_money(tmp_path: Path) -> None:
    home = Home(tmp_path).fill(many(60, 50))
    with B2Server() as server:
        server.make_bucket(BUCKET)
        for path in sorted(home.live.rglob("*.jpg")):
            server.put(BUCKET, f"photos/{path.relative_to(home.live)}", path.read_bytes())
        for name in ("key_id", "key"):
            secret_file(tmp_path / name, server.description()[f"read_{name}"])
        stated = "".join(f'{name} = {{ file = "{tmp_path / name}" }}\n' for name in ("key_id", "key"))
        text = (
            f'[[copy]]\nname = "b2"\nat = "b2://{BUCKET}/photos"\nrealm = "{server.description()["realm"]}"\n{stated}'
        )
        file = home.scenario("photos", f'manifest = "{home.manifest}"\n[sample]\nfull = true\n{text}')
        told = planned_lines(home, file)
        _, planned = plan(home, file, "--workers", "3", "--state", home.state)
        home.run_here("drill", file)
        _, again = plan(home, file, "--state", home.state)
    assert "asks B2 for 63 calls of class B and" in "\n".join(told)
    assert "2.9 KiB of egress; 8.8 KiB a month are free" in "\n".join(told)
    prices = b2_prices(datetime.now(UTC).date())
    assert f"costs nothing, by B2's prices since {prices.since}, read on {prices.read_on}" in told
    money = planned["money"]
    assert (money["class_b_calls"], money["class_c_calls"]) == (60 + 3, 2 * 4 + 1)
    assert (money["egress_bytes"], money["free_egress_bytes"], money["dollars"]) == (3_000, 9_000, "0.0000")
    assert money["egress_before_bytes"] == 0
    assert again["money"]["egress_before_bytes"] >= 3_000
