from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.errors import ScenarioError
from verifier.scenario import load_text
from verifier.scenario.place import join
from verifier.scenario.writing import CopyDraft, Draft, quoted, share, write_scenario, write_shared
from verifier.sources.table import address_problem

TEXTS = st.text(st.characters(exclude_categories=("Cs",)))
HERE = Path("/house/scenarios/photos.toml")


@given(TEXTS)
def test_any_text_is_read_back_as_it_is_and_stays_on_its_line(text: str) -> None:
    line = quoted(text)
    assert "\n" not in line
    assert tomllib.loads(f"key = {line}\nother = 1") == {"key": text, "other": 1}


def test_what_is_no_unicode_is_refused() -> None:
    with pytest.raises(ScenarioError, match="expected text in UTF-8"):
        quoted("a\udcff")


NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=12).filter(
    lambda name: not set(name) & set("/%~") and name not in (".", "..")
)
PATHS = st.lists(NAMES, max_size=4).map("/".join)
SERVERS = st.sampled_from(["sftp://drill@nas.lan/", "sftp://[::1]:22/", "sftp://nas/~/", "b2://family-backup/"])
SITES = st.sampled_from([{}, {"site": "home"}, {"site": "office", "medium": "nas"}])


@st.composite
def drafts(draw: st.DrawFn) -> Draft:
    copies = []
    addresses = draw(st.lists(st.builds("{}{}".format, SERVERS, PATHS), min_size=1, max_size=5))
    folders = draw(st.lists(PATHS.map("/mnt/{}".format), max_size=3))
    for address in dict.fromkeys(one.rstrip("/") if one.count("/") > 3 else one for one in addresses + folders):
        if address_problem(address) is None:
            keys: dict[str, object] = dict(draw(SITES))
            if address.startswith("b2:"):
                keys |= {"key_id": {"env": "ID"}, "key": {"file": "/k \\"}}
            copies.append(CopyDraft(name=f"c{len(copies)}", at=address, keys=keys))  # type: ignore[arg-type]
    copies = copies or [CopyDraft(name="c", at="/mnt")]
    return Draft(name="photos", data="/home/ada/Pictures", copies=tuple(copies), manifest="manifests/photos")


@given(drafts())
def test_a_draft_is_the_same_scenario_with_and_without_places(draft: Draft) -> None:
    by_place, places = share(draft)
    plain = load_text(write_scenario(draft), HERE, shared="")
    shared = load_text(write_scenario(by_place), HERE, shared=write_shared(places))
    assert [(copy.name, copy.medium, copy.site, copy.options) for copy in plain.copies] == [
        (copy.name, copy.medium, copy.site, copy.options) for copy in shared.copies
    ]
    assert [copy.at.rstrip("/") for copy in plain.copies] == [copy.at.rstrip("/") for copy in shared.copies]
    assert [copy.at.rstrip("/") for copy in plain.copies[1:]] == [copy.at.rstrip("/") for copy in draft.copies]
    assert len({repr(place.keys) for place in places}) == len(places)


@given(SERVERS, TEXTS)
def test_nothing_that_is_joined_leaves_its_place(server: str, below: str) -> None:
    try:
        joined = join(server, below)
    except ScenarioError:
        return
    assert joined.startswith(server)
    rest = joined.removeprefix(server)
    assert rest
    assert not {"", ".", "..", "~"} & set(rest.split("/"))
    assert load_text(
        f'name = "photos"\nmanifest = "m"\n[[copy]]\nname = "a"\nat = {quoted(joined)}\n'
        + ('key = { env = "A" }\nkey_id = { env = "A" }\n' if server.startswith("b2") else ""), HERE, shared="",
    )  # fmt: skip
