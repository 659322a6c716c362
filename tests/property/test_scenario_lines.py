from __future__ import annotations

import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from verifier.scenario.lines import Lines, Place

FRAGMENTS = [
    "[", "]", "[[", "]]", "{", "}", "=", ",", ".", "#", "\n", "\r\n", " ", '"', "'", '"""', "'''", "\\", "a", "b", "1",
    "[a]\n", "[[a]]\n", "a = 1\n", 'a."b c" = ["x", {y = 1}]\n', "é", "\0", "\u202e",
]  # fmt: skip
SCALARS = st.sampled_from(
    [
        "1",
        "true",
        "1.5",
        "2026-11-22",
        '"x"',
        '"[a] = {,"',
        "'#'",
        '"""\nk = 1\n[t]\n"""',
        "'''a\n''b\n'''",
        '"\\""',
        '""',
    ]
)
KEYS = st.sampled_from(["a", "b-c", '"d.e"', "'f g'", '"\\u0068"', '"[i]"', "7"])


@given(st.one_of(st.text(), st.lists(st.sampled_from(FRAGMENTS), max_size=60).map("".join)))
def test_no_text_whatever_makes_it_fail(text: str) -> None:
    lines = Lines(text)
    for place in ((), ("a",), ("a", 0), ("a", 0, "b"), ("absent",)):
        assert 1 <= lines.of(place) <= text.count("\n") + 1


@st.composite
def values(draw: st.DrawFn, depth: int = 2, *, on_one_line: bool = False) -> tuple[str, list[tuple[Place, int]]]:
    """Draw a value as TOML, with each place inside it and the newlines before that."""
    kind = draw(st.sampled_from(["scalar", "list", "table"])) if depth else "scalar"
    if kind == "scalar":
        return draw(SCALARS.filter(lambda text: not on_one_line or "\n" not in text)), []
    text, places = ("[", []) if kind == "list" else ("{", [])
    names = draw(st.lists(KEYS, max_size=3, unique_by=unquoted))
    for index, name in enumerate(names):
        text += ", " if index else ""
        text += draw(
            st.sampled_from(["", " ", "\n", " # ] }\n\n"] if kind == "list" and not on_one_line else ["", " "])
        )
        place: Place = (index,) if kind == "list" else (unquoted(name),)
        places.append((place, text.count("\n")))
        text += "" if kind == "list" else f"{name} = "
        inner, below = draw(values(depth - 1, on_one_line=on_one_line or kind == "table"))
        places += [((*place, *rest), text.count("\n") + before) for rest, before in below]
        text += inner
    return text + ("]" if kind == "list" else "}"), places


def unquoted(key: str) -> str:
    return next(iter(tomllib.loads(f"{key} = 1")))


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, list[tuple[Place, int]]]:
    """Draw a document, with each place in it and its line."""
    text, places = "", []
    counts: dict[str, int] = {}

    def keys(table: Place) -> None:
        nonlocal text
        for key in draw(st.lists(KEYS, max_size=4, unique_by=unquoted)):
            text += draw(st.sampled_from(["", "\n", "# [x]\n", "  "]))
            dotted = draw(st.booleans())
            place = (*table, unquoted(key), *(["z"] if dotted else []))
            places.append((place, text.count("\n") + 1))
            text += f"{key}{' . z' if dotted else ''} = "
            inner, below = draw(values())
            places.extend(((*place, *rest), text.count("\n") + 1 + before) for rest, before in below)
            text += inner + draw(st.sampled_from(["\n", " # [no]\n", "\r\n"]))

    keys(())
    for number in range(draw(st.integers(0, 4))):
        name = draw(st.sampled_from(["one", "many", "under"]))
        if name == "one":
            text += f"[one{number} . two]\n"
            table: Place = (f"one{number}", "two")
            places.append(((f"one{number}",), text.count("\n")))
        elif name == "many" or "many" not in counts:
            counts["many"] = counts.get("many", -1) + 1
            text += "[[ many ]]\n"
            table = ("many", counts["many"])
        else:
            text += f'[many."under{number}"]\n'
            table = ("many", counts["many"], f"under{number}")
        places.append((table, text.count("\n")))
        keys(table)
    return text, places


def value_at(document: Any, place: Place) -> object:
    for part in place:
        document = document[part]
    return document


@given(documents())
def test_the_line_of_each_key_is_exact(drawn: tuple[str, list[tuple[Place, int]]]) -> None:
    text, places = drawn
    document = tomllib.loads(text)
    lines = Lines(text)
    for place, line in places:
        value_at(document, place)  # the parser puts it there, too
        assert (place, lines.of(place)) == (place, line)
        assert lines.of((*place, "absent")) == line
