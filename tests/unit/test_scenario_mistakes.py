"""Every mistake that a scenario can hold, with the exact line that tells it."""

from __future__ import annotations

from pathlib import Path

import pytest

from verifier.errors import ScenarioError
from verifier.scenario import load
from verifier.scenario.section import Section
from verifier.scenario.table import SCENARIO

HEAD = 'name = "photos"\nmanifest = "photos.jsonl"\n'
COPY = '[[copy]]\nname = "nas"\nat = "/mnt/nas"\n'
EVERY = 'one of day, week, month, quarter, year, or days as "30d"'
SLUG = "a slug of lower-case letters, digits and hyphens, at most 64"
DURATION = 'a duration as "30m", "24h", "90d" or "2w"'
SIZE = 'a size as "20GiB", "500MB" or "10 KiB"'
FOLDER = "a folder"
REFERENCE = (
    "a reference to a secret, one of { env = … }, { file = … }, { credential = … }, { keyring = … }, { command = … }"
)
PIN = "a fingerprint as `ssh-keygen -l` prints it, SHA256:…"
FILESYSTEM = "a file system's id as `findmnt -o UUID` prints it"

MAIL_ADDRESS = "a mail address as ana@example.org"
# the last line of a [delivery.email] that is right but for it, key as shown, sentence
MAIL_MISTAKES = [
    ("port = 0", "delivery.email.port", "a port from 1 to 65535, got 0"),
    ('security = "ssl"', "delivery.email.security", 'one of starttls, tls, none, got "ssl"'),
    (
        'security = "none"',
        "delivery.email.security",
        'starttls or tls for a server elsewhere, got none for "mail.example"',
    ),
    ('user = "ana"', "delivery.email.user", "password beside it, got nothing"),
    ('password = "hush"', "delivery.email.password", f"{REFERENCE}, got a plain value (not shown)"),
    ('when = "often"', "delivery.email.when", 'one of always, failed, changed, got "often"'),
    ('attach = "all"', "delivery.email.attach", 'one of summary, full, got "all"'),
    ('limit = "1GiB"', "delivery.email.limit", "at most 100MiB, got more"),
    ('smime_key = "k.pem"', "delivery.email.smime_key", "smime_certificate beside it, got nothing"),
    ('smime_certificate = "c.pem"', "delivery.email.smime_certificate", "smime_key beside it, got nothing"),
    (
        'smime_passphrase = { env = "P" }',
        "delivery.email.smime_passphrase",
        "smime_key beside it, the key that it belongs to, got nothing",
    ),
]
# section, line of TOML, key as shown, sentence
MISTAKES = [
    ("", 'name = "Photos"', "name", f'{SLUG}, got "Photos"'),
    ("", 'name = "-photos"', "name", f'{SLUG}, got "-photos"'),
    ("", f'name = "{"a" * 65}"', "name", f'{SLUG}, got "{"a" * 60}…"'),
    ("", 'name = "photos\\n"', "name", f'{SLUG}, got "photos\\n"'),
    ("", "name = 5", "name", f"{SLUG}, got 5"),
    ("", "manifest = true", "manifest", "a path, got true"),
    ("", 'manifest = ""', "manifest", "a path, got an empty text"),
    ("", 'manifest = "~somebody/x"', "manifest", 'a path that starts with ~/ or none, got "~somebody/x"'),
    ("", 'manifest = "a\\u0000b"', "manifest", "a path, got text with control characters"),
    (
        "",
        'manifest = "."',
        "manifest",
        "the file of a manifest, got a folder: this version can't choose among generations yet",
    ),
    ("", 'unchanging = "2015/**"', "unchanging", 'a list of patterns, got "2015/**"'),
    ("", "unchanging = [5]", "unchanging[1]", "a pattern as in .gitignore, got 5"),
    ("", 'unchanging = ["a", " "]', "unchanging[2]", 'a pattern as in .gitignore, got " "'),
    ("", 'unchanging = ["!"]', "unchanging[1]", 'a pattern as in .gitignore, got "!"'),
    ("", "objectives = 5", "objectives", "a table [objectives], got 5"),
    ("", "copy = 5", "copy", "at least one [[copy]], got 5"),
    ("", "copy = []", "copy", "at least one [[copy]], got an empty list"),
    ("", "copy = [5]", "copy[1]", "at least one [[copy]], got 5"),
    ("", 'copy = { name = "a", at = "/a" }', "copy", "at least one [[copy]], got a table"),
    (
        "",
        "colour = 5",
        "colour",
        (
            "one of name, manifest, unchanging, objectives, sample, budget, scratch, copy, report, delivery, schedule, "
            "got colour"
        ),
    ),
    ("", "unchangin = []", "unchangin", "a key that is known here, got unchangin; did you mean unchanging?"),
    ("", 'rpo = "24h"', "rpo", "a key that is known here, got rpo; did you mean rpo in [objectives]?"),
    ("", 'at = "/mnt"', "at", "a key that is known here, got at; did you mean at in [[copy]]?"),
    ("objectives", 'rpo = "soon"', "objectives.rpo", f'{DURATION}, got "soon"'),
    ("objectives", "rpo = 24", "objectives.rpo", f"{DURATION}, got 24"),
    ("objectives", "rpo = 2026-11-22", "objectives.rpo", f"{DURATION}, got a date or time"),
    ("objectives", 'rpo = "0h"', "objectives.rpo", f'{DURATION}, neither zero nor beyond measure, got "0h"'),
    ("objectives", 'rto = "999999w"', "objectives.rto", f'{DURATION}, neither zero nor beyond measure, got "999999w"'),
    ("objectives", 'rto = "1.5h"', "objectives.rto", f'{DURATION}, got "1.5h"'),
    ("objectives", 'coverage = "often"', "objectives.coverage", f'{DURATION}, got "often"'),
    ("objectives", "changed_share = 1.5", "objectives.changed_share", "a share from 0 to 1, got 1.5"),
    ("objectives", "changed_share = nan", "objectives.changed_share", "a share from 0 to 1, got nan"),
    ("objectives", "changed_share = true", "objectives.changed_share", "a share from 0 to 1, got true"),
    ("objectives", 'changed_share = "20 %"', "objectives.changed_share", 'a share from 0 to 1, got "20 %"'),
    ("objectives", 'rule = "all"', "objectives.rule", 'a rule of five digits as "3-2-1-1-0", got "all"'),
    ("sample", "confidence = 1", "sample.confidence", "a share between 0 and 1, got 1"),
    ("sample", "confidence = 0.0", "sample.confidence", "a share between 0 and 1, got 0.0"),
    ("sample", "tolerable = -0.1", "sample.tolerable", "a share between 0 and 1, got -0.1"),
    ("sample", "tolerable = inf", "sample.tolerable", "a share between 0 and 1, got inf"),
    ("sample", "always = [[]]", "sample.always[1]", "a pattern as in .gitignore, got a list"),
    ("sample", "files = 0", "sample.files", "a whole number of at least 1, got 0"),
    ("sample", "files = 10.0", "sample.files", "a whole number of at least 1, got 10.0"),
    ("sample", "files = true", "sample.files", "a whole number of at least 1, got true"),
    ("sample", "files = 0x" + "f" * 5_000, "sample.files", "a whole number of at least 1, got a number beyond 2⁵³"),
    ("sample", "percent = 101", "sample.percent", "a number over 0, at most 100, got 101"),
    ("sample", 'bytes = "much"', "sample.bytes", f'{SIZE}, got "much"'),
    ("sample", 'full = "yes"', "sample.full", 'true or false, got "yes"'),
    ("budget", "bytes = 5", "budget.bytes", f"{SIZE}, got 5"),
    ("budget", 'duration = ""', "budget.duration", f'{DURATION}, got ""'),
    ("scratch", "path = 5", "scratch.path", "a path, got 5"),
    ("scratch", 'bytes = "20 gigs"', "scratch.bytes", f'{SIZE}, got "20 gigs"'),
    ("scratch", 'bytes = "0B"', "scratch.bytes", f'{SIZE}, neither zero nor beyond measure, got "0B"'),
    ("scratch", 'bytes = "9000000TiB"', "scratch.bytes", f'{SIZE}, neither zero nor beyond measure, got "9000000TiB"'),
    ("[copy]", 'name = "a b"', "copy[1].name", f'{SLUG}, got "a b"'),
    ("[copy]", "at = 5", "copy[1].at", "an address, got 5"),
    ("[copy]", 'at = ""', "copy[1].at", f"{FOLDER}, got an empty address"),
    ("[copy]", 'at = "sftp://nas"', "copy[1].at", "sftp://user@host[:port]/path, got an address without a path"),
    ("[copy]", 'at = "sftp://-oX/x"', "copy[1].at", "sftp://user@host[:port]/path, got the host -oX"),
    (
        "[copy]",
        'at = "smb://u@nas/x"',
        "copy[1].at",
        f"{FOLDER}, got an address of SMB, which this version can't read yet",
    ),
    (
        "[copy]",
        'at = "rclone:a:b"',
        "copy[1].at",
        f"{FOLDER}, got an address of rclone, which this version can't read yet",
    ),
    (
        "[copy]",
        'at = "restic:/r"',
        "copy[1].at",
        f"{FOLDER}, got an address of restic, which this version can't read yet",
    ),
    ("[copy]", 'at = "borg:/r"', "copy[1].at", f"{FOLDER}, got an address of borg, which this version can't read yet"),
    (
        "[copy]",
        'at = "sftp://drill:hunter2@nas/x"',
        "copy[1].at",
        "an address without a password, got one with a password (not shown)",
    ),
    ("[copy]", 'at = "~other/x"', "copy[1].at", 'a path that starts with ~/ or none, got "~other/x"'),
    ("[copy]", 'live = "yes"', "copy[1].live", 'true or false, got "yes"'),
    ("[copy]", 'medium = "My NAS"', "copy[1].medium", f'{SLUG}, got "My NAS"'),
    ("[copy]", 'site = ""', "copy[1].site", f'{SLUG}, got ""'),
    ("[copy]", "mount = []", "copy[1].mount", "a path, got a list"),
    ("[copy]", 'marker = "../x"', "copy[1].marker", "a path of plain names, got ../x"),
    ("[copy]", "marker = {}", "copy[1].marker", "a path inside the copy, got a table"),
    ("[copy]", 'filesystem = "/dev/sda1"', "copy[1].filesystem", f'{FILESYSTEM}, got "/dev/sda1"'),
    ("[copy]", "times = 0", "copy[1].times", "true or false, got 0"),
    ("[copy]", "immutable = 1", "copy[1].immutable", "true or false, got 1"),
    ("[copy]", "known_hosts = 1", "copy[1].known_hosts", "a path, got 1"),
    ("[copy]", "known_hosts = []", "copy[1].known_hosts", "a path, or a list of paths, got an empty list"),
    ("[copy]", 'known_hosts = "h"', "copy[1].known_hosts", 'an address of SFTP as at, got "/mnt/nas"'),
    ("[copy]", 'host_key = "SHA256:x"', "copy[1].host_key", f'{PIN}, got "SHA256:x"'),
    ("[copy]", 'passphrase = "hunter2"', "copy[1].passphrase", f"{REFERENCE}, got a plain value (not shown)"),
    ("[copy]", 'password = "hunter2"', "copy[1].password", f"{REFERENCE}, got a plain value (not shown)"),
    ("[copy]", 'rate = "10MiB"', "copy[1].rate", 'a rate as "10MiB/s" or "500KB/s", got "10MiB"'),
    ("[copy]", 'transport = "telnet"', "copy[1].transport", 'one of ssh, channel, got "telnet"'),
    ("[copy]", 'identity = """a\nb"""', "copy[1].identity", "a path, got text with control characters"),
    ("[copy]", "key_id = 5", "copy[1].key_id", f"{REFERENCE}, got a plain value (not shown)"),
    ("[copy]", 'key = "K001"', "copy[1].key", f"{REFERENCE}, got a plain value (not shown)"),
    ("[copy]", 'key = { env = "A" }', "copy[1].key", 'an address of B2 as at, got "/mnt/nas"'),
    ("[copy]", "realm = 1", "copy[1].realm", "a URL as https://api.backblazeb2.com, got 1"),
    ("[copy]", "medum = 5", "copy[1].medum", "a key that is known here, got medum; did you mean medium?"),
    (
        "[copy]",
        "unchanging = []",
        "copy[1].unchanging",
        "a key that is known here, got unchanging; did you mean unchanging at the top, before any [section]?",
    ),
    ("report", "formats = []", "report.formats", "a list of html, markdown or both, got an empty list"),
    ("report", 'formats = ["pdf"]', "report.formats[1]", 'one of html, markdown, got "pdf"'),
    ("report", "sign = true", "report.sign", "a path, got true"),
    ("report", 'passphrase = "hush"', "report.passphrase", f"{REFERENCE}, got a plain value (not shown)"),
    ("", "place = 5", "place", "a table [place], got 5"),
    ("", "delivery = []", "delivery", "a table [delivery], got a list"),
    ("delivery", "email = 5", "delivery.email", "a table [delivery.email], got 5"),
    ("delivery", "heartbeat = true", "delivery.heartbeat", "a table [delivery.heartbeat], got true"),
    ("delivery", "webhook = []", "delivery.webhook", "a table [delivery.webhook], got a list"),
    (
        "delivery.heartbeat",
        'url = "https://hc-ping.example/uuid"',
        "delivery.heartbeat.url",
        f"{REFERENCE}, got a plain value (not shown)",
    ),
    ("delivery.webhook", "url = 5", "delivery.webhook.url", f"{REFERENCE}, got a plain value (not shown)"),
    *(
        ("delivery.email", f'from = "a@b.c"\nto = ["d@e.f"]\nhost = "mail.example"\n{stated}', key, sentence)
        for stated, key, sentence in MAIL_MISTAKES
    ),
    ("", 'schedule = "daily"', "schedule", 'a table [schedule], got "daily"'),
    ("schedule", 'every = "fortnight"', "schedule.every", f'{EVERY}, got "fortnight"'),
    ("schedule", 'every = "month, window 01:00-02:00"', "schedule.every", f'{EVERY}, got "month, window 01:00-02:00"'),
    ("schedule", 'every = "4000d"', "schedule.every", f'{EVERY}, got "4000d"'),
    ("schedule", "every = 30", "schedule.every", f"{EVERY}, got 30"),
    ("schedule", 'window = "1-6"', "schedule.window", 'hours as "01:00-06:00", got "1-6"'),
    ("schedule", 'window = "06:00-06:00"', "schedule.window", 'hours as "01:00-06:00", got "06:00-06:00"'),
    ("schedule", 'window = "24:00-06:00"', "schedule.window", 'hours as "01:00-06:00", got "24:00-06:00"'),
    ("schedule", "spread = 0", "schedule.spread", "a whole number of at least 1, got 0"),
    ("schedule", "spread = 1440", "schedule.spread", "fewer minutes than the window's 1,440, got 1,440"),
]
NOT_YET = [
    (
        "objectives",
        'coverage = "90d"',
        "objectives.coverage",
        '"90d": this version can\'t hold coverage against an objective',
    ),
    (
        "objectives",
        'rule = "3-2-1-1-0"',
        "objectives.rule",
        '"3-2-1-1-0": this version can\'t let the rule change the verdict',
    ),
    ("sample", "percent = 5", "sample.percent", "5: this version can't draw a sample by percent"),
    ("sample", 'bytes = "1GB"', "sample.bytes", '"1GB": this version can\'t draw a sample by bytes'),
    ("budget", 'bytes = "20GiB"', "budget.bytes", "\"20GiB\": this version can't limit a drill's bytes"),
    ("budget", 'duration = "2h"', "budget.duration", "\"2h\": this version can't limit a drill's time"),
    ("[copy]", "immutable = true", "copy[1].immutable", "true: this version can't check that a copy is immutable"),
    ("place.nas", "x = 1", "place", "a table: this version can't share a place's settings"),
]


def scenario_with(section: str, stated: str) -> tuple[str, int]:
    """Return a scenario that is right but for what is stated, and the line of that."""
    key = stated.split(" =", maxsplit=1)[0]
    if section == "[copy]":
        copy = "".join(line for line in COPY.splitlines(keepends=True) if not line.startswith(f"{key} ="))
        return f"{HEAD}{copy}{stated}\n", (HEAD + copy).count("\n") + 1
    if section:
        before = f"{HEAD}{COPY}\n[{section}]\n"
        return f"{before}{stated}\n", f"{before}{stated}".count("\n") + 1
    head = "".join(line for line in HEAD.splitlines(keepends=True) if not line.startswith(f"{key} ="))
    return f"{head}{stated}\n{'' if key == 'copy' else COPY}", head.count("\n") + 1


def told(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "photos.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(ScenarioError) as caught:
        load(path)
    return caught.value.message.splitlines()


@pytest.mark.parametrize(("section", "stated", "key", "sentence"), MISTAKES)
def test_each_mistake_is_told_once_with_its_line(
    tmp_path: Path, section: str, stated: str, key: str, sentence: str
) -> None:
    text, line = scenario_with(section, stated)
    assert told(tmp_path, text) == [f"{tmp_path}/photos.toml:{line}: {key}: expected {sentence}"]


@pytest.mark.parametrize(("section", "stated", "key", "got"), NOT_YET)
def test_what_this_version_cannot_do_is_refused_never_left_out(
    tmp_path: Path, section: str, stated: str, key: str, got: str
) -> None:
    text, line = scenario_with(section, stated)
    if "." not in key.replace("copy[1].", "."):
        line -= 1  # a whole section, which stands at its header
    assert told(tmp_path, text) == [f"{tmp_path}/photos.toml:{line}: {key}: expected nothing here yet, got {got}"]


def test_every_row_of_the_table_has_a_mistake_here() -> None:
    keys = {
        name if below is None else f"{name}.{below}"
        for name, row in SCENARIO.keys.items()
        for below in [None, *(row.kind.keys if isinstance(row.kind, Section) else ())]
    }
    grouping = {"sample", "budget", "scratch", "report"}
    shown = {key.replace("[1]", "").replace("[2]", "") for _, _, key, _ in MISTAKES}
    assert keys - grouping <= shown
    assert {
        f"{name}.{below}"
        for name, row in SCENARIO.keys.items()
        if isinstance(row.kind, Section)
        for below, inner in row.kind.keys.items()
        if inner.not_yet
    } | {name for name, row in SCENARIO.keys.items() if row.not_yet} == {
        key.replace("[1]", "") for _, _, key, _ in NOT_YET
    }


@pytest.mark.parametrize(
    ("stated", "key", "got"),
    [
        ('from = "a@b.c\\r\\nBcc: x@y.z"', "from", '"a@b.c\\r\\nBcc: x@y.z"'),
        ('from = "a@b.c,x@y.z"', "from", '"a@b.c,x@y.z"'),
        ('to = ["ana"]', "to[1]", '"ana"'),
        ('to = ["d@e.f", "<d@e.f>"]', "to[2]", '"<d@e.f>"'),
    ],
)
def test_a_mail_address_is_one_and_ends_no_header(tmp_path: Path, stated: str, key: str, got: str) -> None:
    rest = {"from": 'from = "a@b.c"', "to": 'to = ["d@e.f"]', "host": 'host = "mail.example"'}
    rest[stated.split(" ", maxsplit=1)[0]] = stated
    lines = told(tmp_path, f"{HEAD}{COPY}[delivery.email]\n" + "\n".join(rest.values()))
    assert [line.split(": ", 1)[1] for line in lines] == [f"delivery.email.{key}: expected {MAIL_ADDRESS}, got {got}"]


def test_what_a_mail_needs_is_told(tmp_path: Path) -> None:
    lines = told(tmp_path, f"{HEAD}{COPY}[delivery.email]\nport = 25\n")
    assert [line.split(":")[2].strip() for line in lines] == [f"delivery.email.{key}" for key in ("host", "from", "to")]


@pytest.mark.parametrize("missing", ["name", "manifest"])
def test_what_is_needed_and_absent_is_told(tmp_path: Path, missing: str) -> None:
    text = "".join(
        line for line in (HEAD + COPY).splitlines(keepends=True) if not line.startswith(missing) or "nas" in line
    )
    assert [
        line for line in told(tmp_path, text) if f"toml:1: {missing}: expected" in line and line.endswith("got nothing")
    ]


def test_a_scenario_without_copies(tmp_path: Path) -> None:
    assert told(tmp_path, HEAD) == [f"{tmp_path}/photos.toml:1: copy: expected at least one [[copy]], got nothing"]


def test_what_a_copy_lacks_is_told_at_its_header(tmp_path: Path) -> None:
    text = f'{HEAD}{COPY}\n\n[[copy]]\nmedium = "usb"\n'
    assert told(tmp_path, text) == [
        f"{tmp_path}/photos.toml:8: copy[2].name: expected {SLUG}, got nothing",
        f"{tmp_path}/photos.toml:8: copy[2].at: expected an address, got nothing",
    ]


def test_only_live_data_is_nothing_to_drill(tmp_path: Path) -> None:
    assert told(tmp_path, f"{HEAD}{COPY}live = true\n") == [
        f"{tmp_path}/photos.toml:3: copy: expected at least one copy that is not live, got only the live data"
    ]


def test_everything_and_a_number_of_files_contradict_each_other(tmp_path: Path) -> None:
    assert told(tmp_path, f"{HEAD}{COPY}[sample]\nfull = true\nfiles = 3\n") == [
        f"{tmp_path}/photos.toml:8: sample.files: expected one of full and files, got both"
    ]


def test_what_a_server_is_known_by_is_stated_once(tmp_path: Path) -> None:
    copy = COPY.replace("/mnt/nas", "sftp://nas/x")
    pin = "SHA256:" + "a" * 43
    lacking = "expected identity beside it, the key that it belongs to, got nothing"
    besides = 'passphrase = { env = "A" }\nmount = "/mnt"\n'
    assert told(tmp_path, f'{HEAD}{copy}known_hosts = "h"\nhost_key = "{pin}"\n{besides}') == [
        f"{tmp_path}/photos.toml:7: copy[1].host_key: expected one of host_key and known_hosts, got both",
        f"{tmp_path}/photos.toml:8: copy[1].passphrase: {lacking}",
        f'{tmp_path}/photos.toml:9: copy[1].mount: expected a folder as at, got "sftp://nas/x"',
    ]


def test_a_misspelt_key_is_one_mistake(tmp_path: Path) -> None:
    text = HEAD.replace("manifest", "manifst") + COPY
    assert told(tmp_path, text) == [
        f"{tmp_path}/photos.toml:2: manifst: expected a key that is known here, got manifst; did you mean manifest?"
    ]


def test_copies_differ_in_name_and_address(tmp_path: Path) -> None:
    assert told(tmp_path, HEAD + COPY + COPY) == [
        f'{tmp_path}/photos.toml:7: copy[2].name: expected a copy\'s own name, got that of another copy, "nas"',
        f'{tmp_path}/photos.toml:8: copy[2].at: expected a copy\'s own at, got that of another copy, "/mnt/nas"',
    ]


def test_lists_are_told_by_element_and_line(tmp_path: Path) -> None:
    text = HEAD + 'unchanging = [\n  "a",\n  5, # five\n\n  "b", true,\n]\n' + COPY
    assert told(tmp_path, text) == [
        f"{tmp_path}/photos.toml:5: unchanging[2]: expected a pattern as in .gitignore, got 5",
        f"{tmp_path}/photos.toml:7: unchanging[4]: expected a pattern as in .gitignore, got true",
    ]


def test_ten_mistakes_are_ten_lines(tmp_path: Path) -> None:
    text = """\
name = "Family Photos"
manifst = "photos.jsonl"
unchanging = "2015/**"

[objectives]
rpo = "daily"
changed_share = 20

[sample]
confidence = 95
files = 0

[[copy]]
name = "nas"
at = "smb://nas/photos"

[[copy]]
name = "nas"
at = "/media/usb"

[report]
sign = 5
"""
    lines = told(tmp_path, text)
    assert [int(line.removeprefix(f"{tmp_path}/photos.toml:").split(":")[0]) for line in lines] == [
        1, 2, 3, 6, 7, 10, 11, 15, 18, 22,
    ]  # fmt: skip
