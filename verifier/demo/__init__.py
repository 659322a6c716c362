"""An empty folder → a household with good copies and a damaged one, and whether a drill finds just what is wrong.

Its use is threefold: whoever is new sees in some seconds what a drill is and what a report looks like; the damage is
real, so it is also a test of the installed program; and what it leaves is a scenario to play with.
"""

from verifier.demo.cloud import CLOUD, serve_cloud
from verifier.demo.comparison import Comparison, Row, compare
from verifier.demo.household import household
from verifier.demo.layout import (
    WORKERS,
    Layout,
    lay_out_copies,
    lay_out_data,
    make_manifest,
    make_place,
)
from verifier.demo.planted import DAMAGED, GOOD, PLANTED, Planted

__all__ = [
    "CLOUD",
    "DAMAGED",
    "GOOD",
    "PLANTED",
    "WORKERS",
    "Comparison",
    "Layout",
    "Planted",
    "Row",
    "compare",
    "household",
    "lay_out_copies",
    "lay_out_data",
    "make_manifest",
    "make_place",
    "serve_cloud",
]
