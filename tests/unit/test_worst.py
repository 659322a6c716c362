"""The worst few of many findings: the largest, of equal ones the first by path, in bounded memory."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from verifier.drill.account import Worst
from verifier.outcome import Finding, FindingKind

findings = st.lists(
    st.builds(
        Finding,
        path=st.binary(min_size=1, max_size=3).map(lambda path: path.replace(b"\0", b"0")),
        kind=st.just(FindingKind.MISSING),
        size_bytes=st.integers(0, 3),
    ),
    max_size=40,
    unique_by=lambda finding: finding.path,
)


@given(findings, st.integers(1, 12))
def test_the_largest_are_kept_and_of_equal_ones_the_first(many: list[Finding], most: int) -> None:
    worst = Worst(most)
    for finding in many:
        worst.add(finding)
        assert len(worst.outcomes()) <= most

    expected = sorted(many, key=lambda finding: (-finding.size_bytes, finding.path))[:most]
    kept = [(finding.size_bytes, finding.path) for finding in worst.outcomes()]
    assert sorted(kept) == sorted((finding.size_bytes, finding.path) for finding in expected)
    assert [path for _, path in kept] == sorted(path for _, path in kept)


@given(findings, st.randoms())
def test_the_order_in_which_they_come_does_not_matter(many: list[Finding], order: object) -> None:
    shuffled = list(many)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    one, two = Worst(5), Worst(5)
    for finding, other in zip(many, shuffled, strict=True):
        one.add(finding)
        two.add(other)

    assert one.outcomes() == two.outcomes()
