from __future__ import annotations

import time
from itertools import pairwise

import pytest

from verifier.scenario.lines import Lines

TEXT = """\
# comment
name = "a" # = [x]

[place.nas]
host = "h"
[place]
"q.r".s = { x = 1, y = [2, { z = 3 }] }

text = '''
[copy]
'''
[[copy]]
at = 1
[copy.more]
key = [
  1, 2,

  { a = 5 },
]
[[copy]]
at = 2
"""


@pytest.mark.parametrize(
    ("place", "line"),
    [
        (("name",), 2),
        (("place",), 6),  # where its own header stands, not that of a table below it
        (("place", "nas"), 4),
        (("place", "nas", "host"), 5),
        (("place", "q.r"), 7),
        (("place", "q.r", "s"), 7),
        (("place", "q.r", "s", "y", 1, "z"), 7),
        (("place", "text"), 9),
        (("copy",), 12),
        (("copy", 0), 12),
        (("copy", 0, "at"), 13),
        (("copy", 0, "more"), 14),
        (("copy", 0, "more", "key"), 15),
        (("copy", 0, "more", "key", 0), 16),
        (("copy", 0, "more", "key", 1), 16),
        (("copy", 0, "more", "key", 2, "a"), 18),
        (("copy", 1), 20),
        (("copy", 1, "at"), 21),
        (("copy", 1, "absent"), 20),
        (("copy", 7, "at"), 12),
        (("absent",), 1),
        ((), 1),
    ],
)
def test_lines_are_those_of_an_editor(place: tuple[str | int, ...], line: int) -> None:
    assert Lines(TEXT).of(place) == line
    assert Lines(TEXT.replace("\n", "\r\n")).of(place) == line


@pytest.mark.parametrize(
    ("before", "again"),
    [
        ("", "a."),
        ('a = "', '\\"'),
        ('a = """', '\\"""'),
        ("a = '''", "''a"),
        ("a = ", "["),
        ("a = [", "{b = "),
        ("", "[[a]]\n"),
        ("", '"\\u0061" = 1\n'),
    ],
)
def test_time_grows_with_the_size_alone(before: str, again: str) -> None:
    seconds = []
    for size in (50_000, 200_000, 800_000):
        began = time.process_time()
        Lines(before + again * (size // len(again)))
        seconds.append(time.process_time() - began)
    # Four times the size would be sixteen times as long if each sign looked at all the others.
    assert all(longer < 0.5 + 9 * shorter for shorter, longer in pairwise(seconds))
