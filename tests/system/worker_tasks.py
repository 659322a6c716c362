"""What the tests of the engine give workers to do, in a module that a spawned interpreter can import."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

from verifier import progress
from verifier.engine import Engine
from verifier.errors import AccessDeniedError

MIB = 1024 * 1024


class UnportableError(Exception):
    """Pickles well and fails when it is unpickled."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(first + second)


def double(number: int) -> int:
    return 2 * number


def nap(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def who(_payload: object) -> int:
    return os.getpid()


def first_time(marker: Path) -> bool:
    try:
        marker.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def count_then_die_once(marker: Path) -> str:
    progress.meter().moved(1000)
    progress.meter().finished(10)
    if first_time(marker):
        os.kill(os.getpid(), signal.SIGKILL)
    return "done"


def die_if(number: int) -> int:
    progress.meter().moved(1)
    if number < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def exit_if(number: int) -> int:
    if number < 0:
        os._exit(7)
    return number


def hang_once(marker: Path) -> str:
    if first_time(marker):
        tool = subprocess.Popen(["sleep", "600"])
        marker.write_text(str(tool.pid))
        time.sleep(600)
    return "done"


def beat_for(seconds: float) -> float:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        progress.meter().beat()
        time.sleep(0.05)
    return seconds


def run_out_of_memory_once(marker: Path) -> str:
    if first_time(marker):
        in_use = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (in_use + 64 * MIB, in_use + 64 * MIB))
    return str(len(bytearray(256 * MIB)))


def refuse(number: int) -> int:
    raise AccessDeniedError(f"no entry for {number}", hint="ask for it")


def have_a_bug(number: int) -> int:
    return number // 0


def have_an_unportable_bug(number: int) -> int:
    raise UnportableError("spelt", str(number))


def leave(number: int) -> int:
    sys.exit(number)


def answer_with_a_lambda(_number: int) -> object:
    return lambda: None


def until_asked_to_stop(folder: Path) -> str:
    (folder / f"{os.getpid()}.begun").touch()
    while True:
        progress.meter().moved(1)
        time.sleep(0.01)


def partial_when_asked_to_stop(folder: Path) -> str:
    try:
        return until_asked_to_stop(folder)
    except progress.CancelledError:
        return "partial"


def deaf(folder: Path) -> str:
    (folder / f"{os.getpid()}.begun").touch()
    time.sleep(600)
    return "never"


def kill_own_worker_beside_a_tool(marker: Path) -> str:
    if first_time(marker):
        tool = subprocess.Popen(["sleep", "600"])
        marker.write_text(str(tool.pid))
        os.kill(os.getpid(), signal.SIGKILL)
    return "done"


def circumstances(_payload: object) -> dict[str, object]:
    """Tell what a worker's surroundings are, and survive what it must be deaf to."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(os.getpid(), number)
    with subprocess.Popen(["sleep", "600"]) as tool:
        tool.terminate()
        tool_ended_by = tool.wait(5)
    umask = os.umask(0)
    os.umask(umask)
    return {
        "leads its session": os.getsid(0) == os.getpid() == os.getpgrp(),
        "umask": umask,
        "meter knows the process": progress.meter().process_id == os.getpid(),
        "tool ended by": tool_ended_by,
        "held signals": len(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
    }


def loaded(name: str) -> bool:
    return name in sys.modules


def size_of(data: bytes) -> int:
    return len(data)


def sign(folder: Path) -> None:
    (folder / str(os.getpid())).touch()


def signed(folder: Path) -> tuple[int, bool]:
    time.sleep(0.01)
    return os.getpid(), (folder / str(os.getpid())).exists()


def hang(_payload: object) -> None:
    time.sleep(600)


def count_bytes(size_bytes: int) -> None:
    progress.meter().moved(size_bytes)


def with_a_tool(folder: Path) -> str:
    tool = subprocess.Popen(["sleep", "600"])
    (folder / f"{os.getpid()}.worker").touch()
    (folder / f"{tool.pid}.tool").touch()
    time.sleep(600)
    return "never"


def as_main(kind: str, folder: Path) -> None:
    """Be a program with two workers; the test that started it will end it somehow."""
    with Engine(workers=2, grace_seconds=5) as engine:
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            signal.signal(getattr(signal, name), lambda *_: engine.stop())
        (folder / "ready").touch()
        function = with_a_tool if kind == "killed" else partial_when_asked_to_stop
        for answer in engine.map(function, ((number, folder) for number in range(4))):
            print(type(answer).__name__, getattr(answer, "answer", ""), flush=True)
    # An interpreter that ends gives its handlers back, so a signal that comes late would be the end of this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


if __name__ == "__main__":
    as_main(sys.argv[1], Path(sys.argv[2]))
