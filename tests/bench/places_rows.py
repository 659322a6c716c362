"""A full drill over SFTP and over B2, each beside the bare transfers of the programs that people restore with.

Ours is timed whole: listing, restoring, reading back, comparing, proof and reports. A peer only brings the bytes.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import datasets
from datasets import GIB, MIB, Dataset, Scale
from measure import Contender, in_turns, run, warm
from rows import VERIFIER, Row, assert_everything_proven, compared, drill_command, limited
from served import Sftp, serving_b2, serving_sftp

_BY_SSH: Final = "by the system's ssh"
_BY_CHANNEL: Final = "this program's own SSH connection"
_DELAY_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is brought. `probes` are the two numbers of files that a peer's delayed copies are extrapolated from."""

    sftp_large_bytes: int
    b2_large_bytes: int
    small_files: int
    mixed_files: int
    mixed_bytes: int
    probes: tuple[int, int]
    rounds: int


FULL: Final = Size(
    sftp_large_bytes=4 * GIB,
    b2_large_bytes=GIB,
    small_files=10_000,
    mixed_files=4_000,
    mixed_bytes=400_000_000,
    probes=(12, 48),
    rounds=3,
)
QUICK: Final = Size(
    sftp_large_bytes=16 * MIB,
    b2_large_bytes=16 * MIB,
    small_files=200,
    mixed_files=60,
    mixed_bytes=6_000_000,
    probes=(2, 8),
    rounds=1,
)

_FIXED: Final = (
    "starting, listing, a sign-in for each worker, the drill's test of itself and the report take about a second,"
    " which the peer does without"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A program beside ours: its command for a folder to fill, how many times as fast we want to be, why we aren't."""

    title: str
    command: Callable[[Path], Sequence[str]]
    at_least: float
    reason: str = ""


def sftp_large(data: Path, work: Path, size: Size) -> Iterator[Row]:
    """One large file, by the system's `ssh` and by a channel of our own."""
    dataset = datasets.one(data / "sftp-large", size.sftp_large_bytes)
    with serving_sftp(work) as server:

        def sftp(folder: Path) -> list[str]:
            return server.sftp(dataset.folder / "large.img", folder / "large.img", recursive=False)

        for way, at_least in ((_BY_SSH, 0.9), (_BY_CHANNEL, 0.6)):
            peer = Peer(title="sftp, same cipher", command=sftp, at_least=at_least)
            drill = _sftp_drill(server, dataset, work, channel=way == _BY_CHANNEL)
            title = f"full drill over SFTP {'by channel' if way == _BY_CHANNEL else 'by ssh -s'}, {dataset.title}"
            yield from _beside(title, drill, [peer], dataset, work, size.rounds, says=way)


def sftp_small(data: Path, work: Path, size: Size) -> Iterator[Row]:
    """Many small files."""
    dataset = datasets.small(data / "places-small", _scale(size))
    with serving_sftp(work) as server:
        peers = [
            Peer(
                title="rclone copy --transfers 8",
                command=lambda folder: server.rclone(dataset.folder, folder),
                at_least=4,
                reason=_FIXED,
            ),
            Peer(
                title="rsync -a",
                command=lambda folder: server.rsync(dataset.folder, folder),
                at_least=0.7,
                reason=_FIXED,
            ),
        ]
        drill = _sftp_drill(server, dataset, work)
        title = f"full drill over SFTP, {dataset.title}"
        yield from _beside(title, drill, peers, dataset, work, size.rounds, says=_BY_SSH)


def sftp_mixed(data: Path, work: Path, size: Size) -> Iterator[Row]:
    """What a household has."""
    dataset = datasets.mixed(data / "places-mixed", _scale(size))
    with serving_sftp(work) as server:
        peers = [
            Peer(
                title="sftp -r, same cipher",
                command=lambda folder: server.sftp(dataset.folder, folder, recursive=True),
                at_least=2.5,
                reason=_FIXED,
            ),
            Peer(
                title="rclone copy --transfers 8",
                command=lambda folder: server.rclone(dataset.folder, folder),
                at_least=2.5,
                reason=_FIXED,
            ),
        ]
        drill = _sftp_drill(server, dataset, work)
        title = f"full drill over SFTP, {dataset.title}"
        yield from _beside(title, drill, peers, dataset, work, size.rounds, says=_BY_SSH)


def sftp_delayed(data: Path, work: Path, size: Size) -> Iterator[Row]:
    """Many small files, far away. Peers would take an hour, so they bring two small parts, and a line is drawn.

    The line goes through both, so that what a peer spends once, as on its sign-in, isn't counted many times.
    """
    dataset = datasets.small(data / "places-small", _scale(size))
    fewer, more = (
        datasets.small(data / f"places-small-{files}", replace(_scale(size), small_files=files))
        for files in size.probes
    )
    with serving_sftp(work, delay_seconds=_DELAY_SECONDS) as server:
        drill = _sftp_drill(server, dataset, work)
        programs: dict[str, Callable[[Path, Path], Sequence[str]]] = {
            "sftp -r": lambda source, folder: server.sftp(source, folder, recursive=True),
            "rclone copy --transfers 8": server.rclone,
        }
        contenders = [_ours(drill, dataset, work)]
        brought: list[tuple[Path, Dataset, str]] = []
        for name, command in programs.items():
            for part in (fewer, more):
                folder = work / f"theirs-{len(contenders)}"
                words = command(part.folder, folder)
                contenders.append(_contender(f"{name} {part.files}", words, part, folder))
                brought.append((folder, part, name))
        seconds = in_turns(contenders, size.rounds)
        for expected in brought:
            _assert_brought(*expected)
        title = f"full drill over SFTP, 50 ms each way, {dataset.title}"
        for name in programs:
            measured = {part.files: seconds[f"{name} {part.files}"] for part in (fewer, more)}
            theirs = [
                few + (many - few) * (dataset.files - fewer.files) / (more.files - fewer.files)
                for few, many in zip(*measured.values(), strict=True)
            ]
            peer = f"{name}, extrapolated from {fewer.files} and {more.files} files"
            row = compared(title, peer, {"ours": seconds["ours"], "theirs": theirs}, 20, _FIXED)
            yield replace(row, samples={**row.samples, "theirs_measured_seconds": measured})
        yield _proven(title, drill, dataset, work, says=_BY_SSH)
    _forget(work)


def b2_large(data: Path, work: Path, size: Size) -> Iterator[Row]:
    """One large file in a bucket."""
    yield from _b2(datasets.one(data / "b2-large", size.b2_large_bytes), work, size)


def b2_small(data: Path, work: Path, size: Size) -> Iterator[Row]:
    """Many small files in a bucket, once: rclone's pacer takes two minutes for them, beside which noise is nothing."""
    yield from _b2(datasets.small(data / "places-small", _scale(size)), work, replace(size, rounds=1))


PARTS: Final[dict[str, Callable[[Path, Path, Size], Iterator[Row]]]] = {
    "places-sftp-large": sftp_large,
    "places-sftp-small": sftp_small,
    "places-sftp-delayed": sftp_delayed,
    "places-sftp-mixed": sftp_mixed,
    "places-b2-large": b2_large,
    "places-b2-small": b2_small,
}
"""Each part of the table that is about places, by the name that it can be measured alone by."""


def _b2(dataset: Dataset, work: Path, size: Size) -> Iterator[Row]:
    manifest = _manifest(dataset, work)
    with serving_b2(dataset.folder) as server:
        drill = [*server.environment, *drill_command(server.address, manifest, work)]
        peers = [
            Peer(title="rclone copy --transfers 16", command=server.rclone, at_least=1.5, reason=_FIXED),
            Peer(title="b2sdk, one download after another", command=server.b2sdk, at_least=4, reason=_FIXED),
        ]
        title = f"full drill over B2, {dataset.title}"
        yield from _beside(title, drill, peers, dataset, work, size.rounds)


def _beside(
    title: str, drill: list[str], peers: Sequence[Peer], dataset: Dataset, work: Path, rounds: int, *, says: str = ""
) -> Iterator[Row]:
    """Time the drill and all its peers in turns; then look at what was timed, and measure the drill's memory."""
    contenders = [_ours(drill, dataset, work)]
    for peer in peers:
        folder = work / f"theirs-{len(contenders)}"
        contenders.append(_contender(peer.title, peer.command(folder), dataset, folder))
    seconds = in_turns(contenders, rounds)
    for number, peer in enumerate(peers, start=1):
        _assert_brought(work / f"theirs-{number}", dataset, peer.title)
        sides = {"ours": seconds["ours"], "theirs": seconds[peer.title]}
        yield compared(title, peer.title, sides, peer.at_least, peer.reason)
    yield _proven(title, drill, dataset, work, says=says)
    _forget(work)


def _ours(drill: list[str], dataset: Dataset, work: Path) -> Contender:
    return Contender(name="ours", command=drill, prepare=lambda: _prepare(dataset, work / "drill"))


def _contender(name: str, command: Sequence[str], dataset: Dataset, folder: Path) -> Contender:
    def prepare() -> None:
        _prepare(dataset, folder)
        if name.startswith("sftp, "):
            folder.mkdir()  # `get` of one file makes no folder; of a folder it makes the one that is named

    return Contender(name=name, command=command, prepare=prepare)


def _prepare(dataset: Dataset, folder: Path) -> None:
    """Remove what the former turn left, have everything written that is still to be, and what is served in memory."""
    shutil.rmtree(folder, ignore_errors=True)
    if hasattr(os, "sync"):
        os.sync()
    warm(dataset.folder)


def _proven(title: str, drill: list[str], dataset: Dataset, work: Path, *, says: str) -> Row:
    """Return the row of the drill's memory, once it is sure that the drill proves everything, and the way it says."""
    assert_everything_proven(drill, dataset, lambda: _prepare(dataset, work / "drill"), says=says)
    _prepare(dataset, work / "drill")
    return limited(title, drill)


def _assert_brought(folder: Path, dataset: Dataset, peer: str) -> None:
    """A peer that brought less than everything would be no peer."""
    sizes = [Path(path).stat().st_size for path in datasets.paths(folder)]
    if (len(sizes), sum(sizes)) != (dataset.files, dataset.size_bytes):
        raise SystemExit(f"bench: expected {dataset.files} files by {peer}, got {len(sizes)}, {sum(sizes)} bytes")


def _forget(work: Path) -> None:
    """Make room for the next part."""
    for folder in (work / "drill", *work.glob("theirs-*")):
        shutil.rmtree(folder, ignore_errors=True)


def _manifest(dataset: Dataset, work: Path) -> Path:
    path = work / "places.jsonl.zst"
    run([*VERIFIER, "manifest", "create", str(dataset.folder), "-o", str(path), "--quiet"])
    return path


def _sftp_drill(server: Sftp, dataset: Dataset, work: Path, *, channel: bool = False) -> list[str]:
    """Return the drill by the system's `ssh`, or, where none is to be found, by a channel of our own."""
    drill = drill_command(server.address(dataset.folder), _manifest(dataset, work), work) + server.our_options
    if not channel:
        return drill
    nothing = work / "no-programs"
    nothing.mkdir(exist_ok=True)
    return ["env", f"PATH={nothing}", *drill]


def _scale(size: Size) -> Scale:
    return replace(
        datasets.FULL, small_files=size.small_files, mixed_files=size.mixed_files, mixed_bytes=size.mixed_bytes
    )
