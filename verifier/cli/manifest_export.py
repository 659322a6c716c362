"""`verifier manifest export`, loaded when it is run."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from typing import Final

from verifier import relpath
from verifier.cli.setting import Setting
from verifier.manifest import open_manifest
from verifier.manifest.export import check_format, lines
from verifier.manifest.placing import replacing

_BLOCK_BYTES: Final = 1 << 18


def export(arguments: argparse.Namespace, setting: Setting) -> int:
    """Write a manifest as a list for another tool, and say what is not in it."""
    with open_manifest(arguments.file, digest=arguments.digest) as manifest:
        digest = manifest.header.digest
        check_format(arguments.format, digest)
        # Read whole first: of a manifest that turns out to be cut off no list may be left.
        totals = manifest.check()
        escaped = Escaped()
        texts = escaped.count(lines(manifest.entries(), form=arguments.format, digest=digest or ""))
        blocks = _blocks(texts)
        if arguments.output is None:
            for block in blocks:
                setting.terminal.put_bytes(block)
        else:
            with replacing(arguments.output) as file:
                for block in blocks:
                    file.write(block)
    if escaped.lines and arguments.format == "xxhsum":
        setting.terminal.say(f"{escaped.lines:,} names hold a newline, which xxhsum reads from version 0.8.2 on")
    if totals.links:
        setting.terminal.say(f"{totals.links:,} symbolic links are left out: {arguments.format} knows none")
    if arguments.output is not None:
        shown = relpath.show(os.fsencode(arguments.output))
        setting.terminal.say(f"{totals.files:,} files in {shown}; in their folder: {arguments.format} -c {shown}")
    return 0


class Escaped:
    """Counts the lines whose names are escaped."""

    def __init__(self) -> None:
        self.lines = 0

    def count(self, texts: Iterator[bytes]) -> Iterator[bytes]:
        """Pass lines on."""
        for line in texts:
            self.lines += line.startswith(b"\\")
            yield line


def _blocks(texts: Iterator[bytes]) -> Iterator[bytes]:
    block = bytearray()
    for line in texts:
        block += line
        if len(block) >= _BLOCK_BYTES:
            yield bytes(block)
            block.clear()
    yield bytes(block)
