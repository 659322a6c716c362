"""Tickets, sizes of draws, and what a sample proves: pure statistics.

What a drill may state is fixed here, from counts and sizes alone: how many files to draw (`bound`, `spread`), which
ones (`tickets`), what their outcomes say of all the others (`bound`, `at_stake`); and beside the sample, from which
nothing follows for others, what every drill restores (`strata`) and what was not proven for longest (`coverage`).
"""

from verifier.sample.at_stake import BytesAtStake, bad_bytes_bound
from verifier.sample.bound import (
    at_most_bad,
    chance_of_finding,
    chance_of_missing,
    sample_size,
    tolerable_files,
    tolerable_of,
)
from verifier.sample.coverage import (
    bytes_for_coverage,
    cover,
    coverage_key,
    drills_within,
    files_for_coverage,
)
from verifier.sample.spread import SizeSpread, files_of_bytes, files_of_percent, largest_n_within, most_bytes
from verifier.sample.strata import Candidate, Strata, StrataWish, choose_strata
from verifier.sample.tickets import SEED_BYTES, lowest_tickets, ticket

__all__ = [
    "SEED_BYTES",
    "BytesAtStake",
    "Candidate",
    "SizeSpread",
    "Strata",
    "StrataWish",
    "at_most_bad",
    "bad_bytes_bound",
    "bytes_for_coverage",
    "chance_of_finding",
    "chance_of_missing",
    "choose_strata",
    "cover",
    "coverage_key",
    "drills_within",
    "files_for_coverage",
    "files_of_bytes",
    "files_of_percent",
    "largest_n_within",
    "lowest_tickets",
    "most_bytes",
    "sample_size",
    "ticket",
    "tolerable_files",
    "tolerable_of",
]
