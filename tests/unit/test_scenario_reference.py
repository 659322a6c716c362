from __future__ import annotations

import dataclasses
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from verifier.scenario.reference import json_schema, markdown
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
        assert key.not_yet is not None or key.goes_to.split(".")[0] in fields, name


def test_what_scenarios_share_is_what_they_have() -> None:
    assert all(SCENARIO.keys[name] is key for name, key in SHARED.keys.items())


def problems(schema: dict[str, Any], value: Any) -> list[str]:
    """Hold a value against the few words of JSON Schema that ours uses; fail on any other word."""
    known = {"$schema", "title", "description", "examples", "type", "properties", "required", "additionalProperties"}
    known |= {"items", "minItems", "enum", "pattern", "minLength", "not", "oneOf"}
    known |= {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}
    assert set(schema) <= known
    if "not" in schema:
        return ["not"]
    found = []
    if "oneOf" in schema and sum(not problems(one, value) for one in schema["oneOf"]) != 1:
        found.append("oneOf")
    if "enum" in schema and value not in schema["enum"]:
        found.append("enum")
    types = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float)}
    if "type" in schema and not isinstance(value, types[schema["type"]]):
        return [*found, "type"]
    if isinstance(value, str):
        found += ["pattern"] if not re.search(schema.get("pattern", ""), value) else []
        found += ["minLength"] if len(value) < schema.get("minLength", 0) else []
    if isinstance(value, list):
        found += ["minItems"] if len(value) < schema["minItems"] else []
        found += [problem for item in value for problem in problems(schema["items"], item)]
    if isinstance(value, dict):
        found += [f"required {name}" for name in schema["required"] if name not in value]
        for name, below in value.items():
            found += problems(schema["properties"][name], below) if name in schema["properties"] else ["unknown"]
    if isinstance(value, int | float):
        found += ["minimum"] if value < schema.get("minimum", value) else []
        found += ["exclusiveMaximum"] if value >= schema.get("exclusiveMaximum", value + 1) else []
    return found


@pytest.mark.parametrize("example", sorted(SCENARIOS.glob("*.toml")), ids=lambda path: path.name)
def test_the_schema_takes_the_examples(example: Path) -> None:
    assert problems(json_schema(), tomllib.loads(example.read_text("utf-8"))) == []


@pytest.mark.parametrize(
    ("stated", "problem"),
    [
        ('name = "A"', "pattern"),
        ("manifest = 5", "type"),
        ("colour = 5", "unknown"),
        ("copy = []", "minItems"),
        ("[place.nas]", "not"),
        ('[schedule]\nevery = "fortnight"', "pattern"),
        ('[report]\nformats = ["pdf"]', "enum"),
        ("[sample]\nconfidence = 1", "exclusiveMaximum"),
        ("[sample]\nfiles = 0", "minimum"),
        ('[objectives]\ncoverage = "90d"', "not"),
    ],
)
def test_the_schema_refuses_what_the_checker_refuses(stated: str, problem: str) -> None:
    least = {"name": "a", "manifest": "m", "copy": [{"name": "b", "at": "/c"}]}
    assert problems(json_schema(), least) == []
    assert problems(json_schema(), {**least, **tomllib.loads(stated)}) == [problem]


def test_the_schema_needs_what_the_checker_needs() -> None:
    assert problems(json_schema(), {"copy": [{}]}) == [
        "required name", "required manifest", "required name", "required at",
    ]  # fmt: skip


def test_the_schema_is_plain_json() -> None:
    assert json.loads(json.dumps(json_schema(), allow_nan=False)) == json_schema()
