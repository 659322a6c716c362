"""Words for `mount` → something mounted for as long as a block lasts; where that can't be, the suite says so loudly."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest

MustRun = Callable[[str, str], NoReturn]


def need_root(must_run: MustRun, reason: str) -> None:
    """Give the test up where this is not root."""
    if os.geteuid() != 0:
        must_run("root", reason)


@contextlib.contextmanager
def mounted(must_run: MustRun, *arguments: str | Path, lazily: bool = False) -> Iterator[None]:
    """Mount, and unmount at the end: the last word is the mount point. `lazily` where files may still be open there."""
    if sys.platform != "linux":
        # Elsewhere there are neither bind mounts nor a tmpfs to be had, in CI as little as here.
        pytest.skip("mounts are made with Linux's mount")
    if os.geteuid() != 0:
        must_run("mount", "only root may mount")
    words = [os.fspath(argument) for argument in arguments]
    done = subprocess.run(["mount", *words], capture_output=True, check=False)
    if done.returncode:
        must_run("mount", f"mount is refused here: {os.fsdecode(done.stderr).strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", *(["--lazy"] if lazily else []), words[-1]], check=True, capture_output=True)
