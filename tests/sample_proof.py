"""A proof with everything in it that a drill may leave, and names that would do harm if they were not escaped."""

from __future__ import annotations

from verifier import relpath
from verifier.outcome import COUNTED_KINDS, FindingKind, Reason
from verifier.proof import (
    FORMAT,
    AbandonedDrill,
    Assurance,
    CopyFacts,
    Count,
    CoverageFacts,
    DrillFacts,
    FindingFacts,
    FoundName,
    LeftOut,
    ManifestFacts,
    NameFacts,
    Origin,
    Proof,
    RuleCheck,
    RuleFacts,
    ScenarioFacts,
    ToolFacts,
    UnrestoredFacts,
    VerdictFacts,
)

NASTY = (
    b"2015/Sommer/two\nlines.jpg",
    b"2015/Sommer/\x1b[31mred\x1b[0m\x07.jpg",
    b"web/<script>alert(1)</script>.html",
    b'web/"><img src=x onerror=alert(1)>.png',
    "rechnungen/2014\u202egpj.exe".encode(),
    b"latin1/Stra\xdfe-\xff.txt",
    ("é" * 127 + "x").encode(),  # a name of 255 bytes
    b"notes/x](javascript:alert(1)) ![y](http://tracker.invalid/z.png).md",
    b"tables/a|b|c `code` ``more`` **bold** _em_ ~~gone~~ $x$.csv",
    b"  - leading and trailing  ",
    b"1. not a list",
    b"back\\slash \\| and &lt;entity&gt; &#x3c;b&#x3e;",
    b"{{ proof }}{% raw %}{# no #}",
    b"http://tracker.invalid/ www.tracker.invalid",
    "עברית/שלום (1).jpg".encode(),
    b"../../etc/passwd",
)


def _finding(kind: FindingKind, path: bytes, **more: object) -> FindingFacts:
    return FindingFacts(kind=kind.value, size_bytes=48_211, **relpath.to_json(path), **more)  # type: ignore[arg-type]


def _damaged() -> CopyFacts:
    findings = (
        *(
            _finding(
                FindingKind.MISMATCH,
                path,
                expected="9f1a3c5e7b2d4f6081a3c5e7b2d4f608",
                actual="0b6e1f2a3c4d5e6f708192a3b4c5d6e7",
            )
            for path in NASTY
        ),
        *(
            _finding(kind, f"2019/IMG_{number:04d}.jpg".encode(), expected="48,211 bytes", actual="48,210 bytes")
            for number, kind in enumerate(FindingKind)
            if kind not in {FindingKind.STALE, *COUNTED_KINDS}
        ),
        FindingFacts(
            kind="STALE", expected="at most 1 day", actual="3 days", detail="the newest snapshot is 3 days old"
        ),
    )
    counted = tuple(
        _finding(kind, f"notes/{kind.lower()}.md".encode(), detail="newer by 3 h <b>") for kind in sorted(COUNTED_KINDS)
    )
    unrestored = tuple(
        UnrestoredFacts(reason=reason.value, size_bytes=10, detail="sensor said | no", **relpath.to_json(path))
        for reason, path in zip(Reason, NASTY, strict=False)
    )
    counts = {kind.value: Count(files=1, bytes=48_211) for kind in FindingKind}
    counts |= {reason.value: Count(files=1, bytes=10) for reason in Reason}
    counts["MISMATCH"] = Count(files=1_234_567, bytes=5_000_000_000_000)
    return CopyFacts(
        name="usb-disk",
        address="/media/backup|disk/<b>photos</b>",
        medium="hdd",
        site="home",
        snapshot="2026-11-20T01:12:13Z",
        snapshot_is="newest modification time",
        depth="restored",
        read_from="cache possible",
        keeps_times=True,
        verdict=VerdictFacts(
            result="FAILED",
            reasons=(
                "1,234,567 files differ from the manifest (MISMATCH)",
                "the newest snapshot is 3 days old, at most 1 day is allowed (STALE) <img src=x onerror=alert(2)>",
            ),
        ),
        listed=Count(files=2_000_000, bytes=9_007_199_254_740_993),
        population=Count(files=1_900_000, bytes=9_007_199_254_740_992),
        planned=Count(files=299, bytes=12_345_678),
        proven=Count(files=240, bytes=11_000_000),
        counts=counts,
        findings=findings,
        counted=counted,
        unrestored=unrestored,
        found_as={"unicode normal form": 12, "case": 1, "rclone's <substitutes>": 3},
        found_names=tuple(
            FoundName(
                how="rclone's <substitutes>",
                entry=NameFacts(**relpath.to_json(path)),
                listed=NameFacts(**relpath.to_json(b"copy/" + path)),
            )
            for path in NASTY
        ),
        assurance=Assurance(
            confidence=0.95,
            population=1_900_000,
            drawn=299,
            bad=59,
            at_most_bad_files=461_000,
            at_most_bad_bytes=2_185_000_000_000,
        ),
        coverage=CoverageFacts(
            proven=Count(files=1_200, bytes=44_000_000),
            of=Count(files=1_900_000, bytes=9_007_199_254_740_992),
            oldest_proven_at="2026-08-01T03:00:00Z",
        ),
        control="detected",
        notes=("the folder's file system could not be told", "note with | and <i>"),
        measured={
            "seconds": 4011.25,
            "bytes_per_second": 310_000_000.0,
            "projected_full_seconds": 196_000,
            "began_at": "2026-11-22T18:30:01Z",
            "retries": 3,
            "snapshot_age_seconds": None,
        },
    )


def _good() -> CopyFacts:
    whole = Count(files=1_240, bytes=3_435_973_836)
    return CopyFacts(
        name="nas",
        address="sftp://drill@nas.lan/photos",
        medium="nas",
        site=None,
        snapshot="2026-11-22T02:00:00Z",
        snapshot_is="the copy's own",
        depth="restored",
        read_from="server",
        keeps_times=True,
        verdict=VerdictFacts(result="PASSED", reasons=("1,240 of 1,240 comparable files were restored and match",)),
        listed=whole,
        population=whole,
        planned=whole,
        proven=whole,
        counts={},
        findings=(),
        counted=(),
        unrestored=(),
        found_as={},
        assurance=Assurance(
            confidence=0.95, population=1_240, drawn=1_240, bad=0, at_most_bad_files=0, at_most_bad_bytes=0
        ),
        coverage=CoverageFacts(proven=whole, of=whole),
        control="detected",
        notes=(),
        measured={"seconds": 61.5},
    )


def _unreachable() -> CopyFacts:
    return CopyFacts(
        name="b2",
        address="b2://family-backup/photos",
        medium="cloud",
        site="offsite",
        snapshot=None,
        snapshot_is="unknown",
        depth="listed",
        read_from="server",
        keeps_times=False,
        verdict=VerdictFacts(result="INCONCLUSIVE", reasons=("the copy did not answer",)),
        listed=Count(),
        population=Count(),
        planned=Count(),
        proven=Count(),
        counts={},
        findings=(),
        counted=(),
        unrestored=(),
        found_as={},
        assurance=None,
        coverage=CoverageFacts(proven=Count(), of=Count(files=1_900_000, bytes=9_007_199_254_740_992)),
        control="not run",
        notes=(),
        measured={},
    )


def sample_proof(
    *, scenario: str = "family-photos", drill_id: str = "7c1fe2", started_at: str = "2026-11-22T18:30:00Z"
) -> Proof:
    """Return a proof of three copies: one damaged in every way, one good, one that did not answer."""
    return Proof(
        proof=FORMAT,
        tool=ToolFacts(name="restore-verifier", version="0.1.0", python="3.11.7", platform="Linux x86_64"),
        drill=DrillFacts(
            id=drill_id,
            number=12,
            previous="5b" * 32,
            machine="cellar <pi>",
            started_at=started_at,
            finished_at="2026-11-22T19:36:51Z",
            seed="c0ffee00" * 8,
            seed_source="fresh",
            abandoned=(AbandonedDrill(id="51aa09", started_at="2026-11-21T18:30:00Z", seed="ab" * 32),),
            interrupted=True,
            only=("2015/**", "*.<b>"),
        ),
        scenario=ScenarioFacts(
            name=scenario,
            sha256="1d" * 32,
            full=False,
            sample_files=None,
            confidence=0.95,
            tolerable=0.01,
            changed_share=0.2,
            unchanging=("2015/**",),
        ),
        manifest=ManifestFacts(
            identity="e3" * 32,
            created_at="2026-10-01T12:00:00Z",
            origin=Origin(address="/home/anna/Pictures", machine="desktop"),
            digest="xxh3_128",
            files=1_900_000,
            links=17,
            bytes=9_007_199_254_740_993,
            exclude=("@eaDir", "*.tmp|<b>", "`rm`"),
            left_out=LeftOut(
                excluded=Count(files=20, bytes=4_096),
                unreadable=Count(files=1, bytes=10),
                cloud_only=Count(files=5, bytes=9_000_000),
            ),
        ),
        copies=(_damaged(), _good(), _unreachable()),
        rule=RuleFacts(
            name="3-2-1-1-0",
            checks=(
                RuleCheck(check="3 copies", holds=True, evidence="desktop (live), nas, b2"),
                RuleCheck(check="2 media", holds=True, evidence="ssd | nas"),
                RuleCheck(check="1 offsite", holds=True, evidence="b2 at <offsite>"),
                RuleCheck(check="1 immutable", holds=None, evidence="the copy did not answer"),
                RuleCheck(check="0 errors", holds=False, evidence="usb-disk is FAILED"),
            ),
        ),
        verdict=VerdictFacts(
            result="FAILED", reasons=("usb-disk: 1,234,567 files differ", "b2: the copy did not answer")
        ),
    )
