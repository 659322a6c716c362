"""Lists of what is known good: native and foreign formats ↔ entries; a line that can't be read is an error."""

from verifier.manifest.header import Header, Left, LeftOut, Origin
from verifier.manifest.native import Totals
from verifier.manifest.reading import Manifest, open_manifest
from verifier.manifest.writer import Draft, write_manifest

__all__ = ["Draft", "Header", "Left", "LeftOut", "Manifest", "Origin", "Totals", "open_manifest", "write_manifest"]
