from __future__ import annotations

import dataclasses
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from scenario_mistakes import APART, MISTAKES, scenario_with

from verifier.scenario.names import KEYS as NAMES
from verifier.scenario.reference import json_schema, markdown, shared_json_schema
from verifier.scenario.scenario import Scenario
from verifier.scenario.section import Key, Section
from verifier.scenario.table import SCENARIO, SHARED

SCENARIOS = Path(__file__).resolve().parents[2] / "scenarios"


def test_the_reference_for_people_is_what_the_checker_works_by() -> None:
    assert (SCENARIOS / "README.md").read_text("utf-8").endswith("## Every key\n\n" + markdown())


def rows(section: Section, maker: type) -> list[tuple[str, Key, type]]:
    found = []
    for name, key in section.keys.items():
        if isinstance(key.kind, Section):
            makes = key.kind.makes
            found += rows(key.kind, makes if isinstance(makes, type) else maker)
            if not isinstance(makes, type):
                continue
        found.append((name, key, maker))
    return found


def test_every_key_that_is_carried_out_goes_to_a_field() -> None:
    for name, key, maker in rows(SCENARIO, Scenario):
        fields = {field.name for field in dataclasses.fields(maker)}
        # A place is worked into the copies that name it, and names at the top into all of them.
        assert name == "place" or name in NAMES or key.goes_to.split(".")[0] in fields, name


def test_what_scenarios_share_is_what_they_have() -> None:
    assert all(SCENARIO.keys[name] is key for name, key in SHARED.keys.items())


def refused(schema: dict[str, Any], text: str) -> bool:
    """Ask somebody else's validator."""
    try:
        return not jsonschema.Draft202012Validator(schema).is_valid(tomllib.loads(text))
    except ValueError:  # it found a number too large, and then can't write it down
        return True


@pytest.mark.parametrize("schema", [json_schema(), shared_json_schema()], ids=["scenario", "shared"])
def test_the_schemas_are_schemas(schema: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)
    assert json.loads(json.dumps(schema, allow_nan=False)) == schema


README = (SCENARIOS.parent / "README.md").read_text("utf-8")
EXAMPLES = [path.read_text("utf-8") for path in sorted(SCENARIOS.glob("*.toml"))]
EXAMPLES += re.findall(r"^```toml\n(name = .*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_schema_takes_the_examples(example: str) -> None:
    assert len(EXAMPLES) >= 4
    assert not refused(json_schema(), example)


MAIL_BEYOND = {
    'security = "none"', 'user = "ana"', 'limit = "1GiB"', 'smime_key = "k.pem"', 'smime_certificate = "c.pem"',
    'smime_passphrase = { env = "P" }',
}  # fmt: skip
"""What must fit another key of a mail, or a limit in words."""

BEYOND_A_SCHEMA = {
    # What a path, a pattern or an address is, and whether something is there.
    'manifest = "~somebody/x"', 'manifest = "a\\u0000b"', 'unchanging = ["a", " "]',
    'unchanging = ["!"]', 'at = "sftp://nas"', 'at = "sftp://-oX/x"', 'at = "smb://u@nas/x"', 'at = "rclone:a:b"',
    'at = "restic:/r"', 'at = "borg:/r"', 'at = "sftp://drill:hunter2@nas/x"', 'at = "~other/x"', 'marker = "../x"',
    'identity = """a\nb"""',
    'prefix = "../others/"', 'root = "/home/../etc"', 'root = "a//b"', 'map = [["a", "b"], ["c", "../b"]]',
    *(row[1] for row in MISTAKES if APART in row[3]),
    # What must fit another key.
    'place = "nas"', 'known_hosts = "h"', 'key = { env = "A" }',
    # Amounts that the text of a size or duration comes to.
    'rpo = "0h"', 'rto = "999999w"', 'bytes = "0B"', 'bytes = "9000000TiB"',
    'every = "4000d"', 'window = "06:00-06:00"', "spread = 1440",
    *(row[1] for row in MISTAKES if row[0] == "delivery.email" and row[1].rpartition("\n")[2] in MAIL_BEYOND),
    # JSON has no such number, takes 10.0 for a whole one, and Python's $ stands before a newline at the end, too.
    "changed_share = nan", "files = 10.0", 'name = "photos\\n"',
}  # fmt: skip


@pytest.mark.parametrize(("section", "stated"), [row[:2] for row in MISTAKES])
def test_the_schema_refuses_every_mistake_that_a_schema_can_express(section: str, stated: str) -> None:
    text, _ = scenario_with(section, stated)
    assert refused(json_schema(), text) is (stated not in BEYOND_A_SCHEMA)


def test_all_that_is_beyond_a_schema_is_a_mistake_of_the_list() -> None:
    assert {row[1] for row in MISTAKES} >= BEYOND_A_SCHEMA


def test_the_schema_needs_what_the_checker_needs() -> None:
    least = '{}manifest = "m"\n[[copy]]\nname = "b"\n{}'
    named, at = 'name = "a"\n', 'at = "/c"\n'
    assert not refused(json_schema(), least.format(named, at))
    assert not refused(json_schema(), least.format(named, 'place = "nas"\n'))
    assert refused(json_schema(), least.format("", at))
    assert refused(json_schema(), least.format(named, ""))


@pytest.mark.parametrize(
    ("text", "is_refused"),
    [
        ("", False),
        ('[place.nas]\nat = "sftp://nas/"\nmedium = "nas"\n[scratch]\nbytes = "1GB"\n', False),
        ("[place.NAS]\n", True),
        ("[place.nas]\nlive = true\n", True),
        ('[place.nas]\nkey = "hunter2"\n', True),
        ("[sample]\nfull = true\n", True),
        ("[schedule]\n", False),
    ],
)
def test_the_schema_of_the_shared_file(text: str, *, is_refused: bool) -> None:
    assert refused(shared_json_schema(), text) is is_refused
