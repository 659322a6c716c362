from __future__ import annotations

import fcntl
import json
import os
import platform
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from verifier.bundle import claim
from verifier.errors import BundleError, BusyError

HOLD = """
    import sys, time
    from pathlib import Path
    from verifier.bundle import claim
    with claim(Path(sys.argv[1]), "photos", holder="the first drill"):
        print("held", flush=True)
        time.sleep(60)
"""


def lock_of(reports: Path) -> Path:
    return reports / "photos" / ".drill.lock"


def start_holder(reports: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(HOLD), str(reports)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def plant(reports: Path, content: str) -> None:
    lock_of(reports).parent.mkdir(parents=True)
    lock_of(reports).write_text(content)


def holder(**changes: object) -> str:
    return json.dumps(
        {"holder": "an old drill", "machine": platform.node(), "pid": os.getpid(), "started": "2026-11-01T00:00:00Z"}
        | changes
    )


def refused(reports: Path, match: str) -> BusyError:
    """Try to claim what is held; return what is said of the holder."""
    with pytest.raises(BusyError, match=match) as caught, claim(reports, "photos", holder="the second drill"):
        pytest.fail("two drills held one scenario")
    return caught.value


def test_a_claim_names_its_holder_and_leaves_nothing(tmp_path: Path) -> None:
    with claim(tmp_path, "photos", holder="drill 7c1fe2"):
        held = json.loads(lock_of(tmp_path).read_text())
        assert (held["holder"], held["machine"], held["pid"]) == ("drill 7c1fe2", platform.node(), os.getpid())
        assert held["started"].endswith("Z")
    assert not lock_of(tmp_path).exists()
    with claim(tmp_path, "photos", holder="the next"):
        pass


def test_the_second_is_told_who_the_first_is(tmp_path: Path) -> None:
    with start_holder(tmp_path) as process:
        error = refused(tmp_path, rf"got one by the first drill \(process {process.pid} on ")
        assert error.hint
        assert str(lock_of(tmp_path)) in error.hint
        assert error.exit_code == 3
        with claim(tmp_path, "documents", holder="another scenario"):
            pass
        assert "the first drill" in lock_of(tmp_path).read_text()
        process.kill()


def test_within_one_process_the_second_is_refused_too(tmp_path: Path) -> None:
    with claim(tmp_path, "photos", holder="one"):
        refused(tmp_path, "got one by one ")


def test_a_killed_holder_s_lock_is_taken_over(tmp_path: Path) -> None:
    with start_holder(tmp_path) as process:
        process.kill()
    assert "the first drill" in lock_of(tmp_path).read_text()
    with claim(tmp_path, "photos", holder="the second drill"):
        assert json.loads(lock_of(tmp_path).read_text())["holder"] == "the second drill"
    assert not lock_of(tmp_path).exists()


def test_another_machine_s_lock_is_never_taken_over(tmp_path: Path) -> None:
    plant(tmp_path, holder(machine="another", pid=2**22 + 1))
    refused(tmp_path, r"an old drill \(process 4194305 on another, since 2026-11-01")
    assert "another" in lock_of(tmp_path).read_text()


@pytest.mark.parametrize("content", ["", "{", '{"pid": "x"}', "[]"])
def test_a_lock_that_says_nothing_is_taken_over_unless_it_is_held(tmp_path: Path, content: str) -> None:
    plant(tmp_path, content)
    with lock_of(tmp_path).open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        refused(tmp_path, "left no name")
    with claim(tmp_path, "photos", holder="me"):
        pass


def test_a_lock_that_is_held_counts_though_its_process_can_not_be_seen(tmp_path: Path) -> None:
    # In a container next door the same process has another number.
    gone = subprocess.Popen(["true"])
    gone.wait()
    plant(tmp_path, holder(pid=gone.pid))
    with lock_of(tmp_path).open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        refused(tmp_path, "an old drill")
    with claim(tmp_path, "photos", holder="me"):
        pass


def _no_locks(_descriptor: int, _operation: int) -> None:
    raise OSError(95, "Operation not supported")


def test_without_such_locks_the_process_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fcntl, "flock", _no_locks)
    with claim(tmp_path / "new", "photos", holder="me"):
        assert lock_of(tmp_path / "new").exists()
    plant(tmp_path / "alive", holder())
    refused(tmp_path / "alive", "an old drill")
    gone = subprocess.Popen(["true"])
    gone.wait()
    plant(tmp_path / "gone", holder(pid=gone.pid))
    with claim(tmp_path / "gone", "photos", holder="me"):
        pass
    plant(tmp_path / "unknown", "")
    refused(tmp_path / "unknown", "left no name")


def test_a_holder_s_words_are_shown_harmlessly(tmp_path: Path) -> None:
    plant(tmp_path, holder(holder="\x1b[2J\u202eevil", machine="an\nother"))
    assert refused(tmp_path, "evil").message.isprintable()


def test_a_link_in_place_of_a_lock_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "mine").write_text("precious")
    lock_of(tmp_path).symlink_to(tmp_path / "mine")
    with pytest.raises(BundleError, match="expected to hold the lock"), claim(tmp_path, "photos", holder="me"):
        pytest.fail("followed a link")
    assert (tmp_path / "mine").read_text() == "precious"


def test_a_lock_that_somebody_removed_and_took_is_left_to_them(tmp_path: Path) -> None:
    with claim(tmp_path, "photos", holder="the first"):
        lock_of(tmp_path).unlink()
        theirs = claim(tmp_path, "photos", holder="the second")
        theirs.__enter__()
    assert json.loads(lock_of(tmp_path).read_text())["holder"] == "the second"
    theirs.__exit__(None, None, None)
    assert not lock_of(tmp_path).exists()
