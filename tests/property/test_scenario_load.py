from __future__ import annotations

import json
import re
import tempfile
from dataclasses import replace
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from verifier.errors import ScenarioError
from verifier.scenario import load
from verifier.scenario.scenario import Copy, Objectives, Sample, Scenario
from verifier.scenario.section import Section
from verifier.scenario.table import SCENARIO

NAMES = [
    *SCENARIO.keys,
    *(name for row in SCENARIO.keys.values() if isinstance(row.kind, Section) for name in row.kind.keys),
]
VALUES = [
    "5", "-1", "0.5", "nan", "true", '"a"', '"24h"', '"20GiB"', '"/x"', '"~x"', "[]", "{}", '["a", 1]', "[{}]",
    '{ env = "A" }', "2026-11-22", "0x" + "f" * 4_000, '"""\na"""', '"sftp://a:b@c/d"', '"\\u0000"', '"html"',
]  # fmt: skip
LINES = st.one_of(
    st.builds("{} = {}".format, st.sampled_from(NAMES), st.sampled_from(VALUES)),
    st.builds("[{}]".format, st.sampled_from(NAMES)),
    st.builds("[[{}]]".format, st.sampled_from(NAMES)),
    st.builds("[[copy]]\n{}".format, st.text(max_size=5)),
)


def load_bytes(data: bytes) -> Scenario:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scenario.toml"
        path.write_bytes(data)
        scenario = load(path, home=Path("/home/ada"))
        return replace(scenario, path=None)


@given(st.one_of(st.binary(), st.text().map(str.encode), st.lists(LINES, max_size=12).map("\n".join).map(str.encode)))
@example(b"a = 1979-99-99")
@example(b'"a".b = 1\n[a]')
@example(b"copy = [[]]\nname = {}")
def test_whatever_stands_in_the_file_only_problems_come_of_it(data: bytes) -> None:
    try:
        load_bytes(data)
    except ScenarioError as error:
        message = error.message
    else:
        return
    assert message
    for line in message.split("\n"):
        assert re.match(r".*/scenario\.toml:(\d+:)? .+", line), line
        assert line.isprintable()


SLUGS = st.from_regex(r"[a-z0-9][a-z0-9-]{0,63}", fullmatch=True)
WORDS = st.text(st.characters(categories=("L", "N", "So")), min_size=1, max_size=20)
PATTERNS = st.lists(WORDS, max_size=3, unique=True).map(tuple)
SHARES = st.floats(0, 1, exclude_min=True, exclude_max=True)


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    names = draw(st.lists(SLUGS, min_size=1, max_size=4, unique=True))
    optional_path = st.none() | WORDS.map(lambda word: Path("/mnt") / word)
    copies = [
        Copy(
            name=name,
            at=f"/copies/{index}/{draw(WORDS)}",
            live=index > 0 and draw(st.booleans()),
            medium=draw(st.none() | SLUGS),
            site=draw(st.none() | SLUGS),
            mount=draw(optional_path),
            marker=draw(st.none() | WORDS),
            filesystem=draw(st.none() | st.from_regex("[0-9A-Za-z-]{4,64}", fullmatch=True)),
            keeps_times=draw(st.sampled_from([None, True, False])),
        )
        for index, name in enumerate(names)
    ]
    full = draw(st.booleans())
    return Scenario(
        name=draw(SLUGS),
        sha256="",
        copies=tuple(copies),
        manifest=Path("/manifests") / draw(WORDS),
        unchanging=draw(PATTERNS),
        objectives=Objectives(
            rpo_seconds=draw(st.none() | st.integers(1, 3 * 10**9)),
            rto_seconds=draw(st.none() | st.integers(1, 3 * 10**9)),
            changed_share=draw(st.floats(0, 1)),
        ),
        sample=Sample(
            full=full,
            files=None if full else draw(st.none() | st.integers(1, 2**53)),
            confidence=draw(SHARES),
            tolerable=draw(SHARES),
            always=draw(PATTERNS),
        ),
        scratch_path=draw(optional_path),
        scratch_bytes=draw(st.integers(1, 2**49)),
        formats=draw(st.sampled_from([("html",), ("markdown",), ("markdown", "html")])),
    )


def stated(key: str, value: object) -> str:
    """Return a line of TOML; JSON's strings, lists, numbers and booleans are TOML, too."""
    value = str(value) if isinstance(value, Path) else value
    return "" if value is None else f"{key} = {json.dumps(value, ensure_ascii=False)}\n"


def written(scenario: Scenario) -> str:
    text = stated("name", scenario.name) + stated("manifest", scenario.manifest)
    text += stated("unchanging", scenario.unchanging)
    objectives, sample = scenario.objectives, scenario.sample
    text += "[objectives]\n" + stated("changed_share", objectives.changed_share)
    for key, seconds in (("rpo", objectives.rpo_seconds), ("rto", objectives.rto_seconds)):
        text += stated(key, None if seconds is None else f"{seconds}s")
    text += "[sample]\n"
    for key in ("full", "files", "confidence", "tolerable", "always"):
        text += stated(key, getattr(sample, key))
    for copy in scenario.copies:
        text += "[[copy]]\n" + stated("times", copy.keeps_times)
        for key in ("name", "at", "live", "medium", "site", "mount", "marker", "filesystem"):
            text += stated(key, getattr(copy, key))
    text += "[scratch]\n" + stated("path", scenario.scratch_path) + stated("bytes", f"{scenario.scratch_bytes}B")
    return text + "[report]\n" + stated("formats", scenario.formats)


@given(scenarios())
def test_a_scenario_loads_as_what_was_written(scenario: Scenario) -> None:
    assert replace(load_bytes(written(scenario).encode()), sha256="") == scenario
