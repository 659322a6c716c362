"""Every mistake that a scenario can hold, with the sentence that tells it."""

from __future__ import annotations

DIGESTS = "one of xxh3_128, xxh3_64, sha256, blake3, md5, sha1, sha224, sha384, sha512, blake2b, xxh32, xxh64"
HEAD = 'name = "photos"\nmanifest = "photos.jsonl"\n'
COPY = '[[copy]]\nname = "nas"\nat = "/mnt/nas"\n'
EVERY = 'one of day, week, month, quarter, year, or days as "30d"'
SLUG = "a slug of lower-case letters, digits and hyphens, at most 64"
DURATION = 'a duration as "30m", "24h", "90d" or "2w"'
SIZE = 'a size as "20GiB", "500MB" or "10 KiB"'
FOLDER = "a folder"
KEYS = (
    "name", "manifest", "digest", "unchanging", "prefix", "root", "map", "objectives", "sample", "budget", "scratch",
    "copy", "report", "place", "delivery", "schedule",
)  # fmt: skip
APART = "folders apart from those of the other pairs"
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
    ("", 'digest = "crc32"', "digest", DIGESTS + ', got "crc32"'),
    ("", 'manifest = "~somebody/x"', "manifest", 'a path that starts with ~/ or none, got "~somebody/x"'),
    ("", 'manifest = "a\\u0000b"', "manifest", "a path, got text with control characters"),
    ("", 'unchanging = "2015/**"', "unchanging", 'a list of patterns, got "2015/**"'),
    ("", "unchanging = [5]", "unchanging[1]", "a pattern as in .gitignore, got 5"),
    ("", 'unchanging = ["a", " "]', "unchanging[2]", 'a pattern as in .gitignore, got " "'),
    ("", 'unchanging = ["!"]', "unchanging[1]", 'a pattern as in .gitignore, got "!"'),
    ("", "prefix = 5", "prefix", "a folder, got 5"),
    ("", 'prefix = "../others/"', "prefix", "a path of plain names, got ../others"),
    ("", "root = []", "root", "a folder, got a list"),
    ("", 'root = "/home/../etc"', "root", "a path of plain names, got home/../etc"),
    ("", "map = {}", "map", "a list of pairs of folders, got a table"),
    ("", 'map = [["a"]]', "map[1]", 'a pair as ["C:/Users/Ana/", "ana/"], got a list'),
    ("", 'map = [["a", "b"], ["c", "../b"]]', "map[2]", "a path of plain names, got ../b"),
    ("", 'map = [["a", "b"], ["c", 5]]', "map[2]", "a folder, got 5"),
    *(
        ("", f"map = {stated}", "map[2]", f"{APART}, got {got}")
        for stated, got in (
            ('[["a/b", "x"], ["a", "y"]]', "a/ and a/b/"),
            ('[["a", "x"], ["a/b", "y"]]', "a/b/ and a/"),
            ('[["a", "x"], ["b", "x"]]', "x/ and x/"),
            ('[["a", "x"], ["b", "x/z/"]]', "x/z/ and x/"),
            ('[["a", "x"], ["b", ""]]', "/ and x/"),
            ("[['C:\\Users', 'x'], ['C:/Users/Ana', 'y']]", "C:/Users/Ana/ and C:/Users/"),
        )
    ),
    ("", "objectives = 5", "objectives", "a table [objectives], got 5"),
    ("", "copy = 5", "copy", "at least one [[copy]], got 5"),
    ("", "copy = []", "copy", "at least one [[copy]], got an empty list"),
    ("", "copy = [5]", "copy[1]", "at least one [[copy]], got 5"),
    ("", 'copy = { name = "a", at = "/a" }', "copy", "at least one [[copy]], got a table"),
    (
        "",
        "colour = 5",
        "colour",
        f"one of {', '.join(KEYS)}, got colour",
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
    ("[copy]", "place = 5", "copy[1].place", f"{SLUG}, got 5"),
    ("[copy]", 'place = "My NAS"', "copy[1].place", f'{SLUG}, got "My NAS"'),
    (
        "[copy]",
        'place = "nas"',
        "copy[1].place",
        'a known place, as [place.NAME] here or in verifier.toml, got "nas"',
    ),
    ("[copy]", 'live = "yes"', "copy[1].live", 'true or false, got "yes"'),
    ("[copy]", 'medium = "My NAS"', "copy[1].medium", f'{SLUG}, got "My NAS"'),
    ("[copy]", 'site = ""', "copy[1].site", f'{SLUG}, got ""'),
    ("[copy]", "prefix = true", "copy[1].prefix", "a folder, got true"),
    ("[copy]", 'root = "a//b"', "copy[1].root", "a path of plain names, got a//b"),
    ("[copy]", 'map = [["a", "b"], ["a", "c"]]', "copy[1].map[2]", f"{APART}, got a/ and a/"),
    ("[copy]", "mount = []", "copy[1].mount", "a path, got a list"),
    ("[copy]", 'marker = "../x"', "copy[1].marker", "a path of plain names, got ../x"),
    ("[copy]", "marker = {}", "copy[1].marker", "a path inside the copy, got a table"),
    ("[copy]", 'filesystem = "/dev/sda1"', "copy[1].filesystem", f'{FILESYSTEM}, got "/dev/sda1"'),
    ("[copy]", "times = 0", "copy[1].times", "true or false, got 0"),
    ("[copy]", "immutable = 1", "copy[1].immutable", "true or false, got 1"),
    ("[copy]", 'offline = "yes"', "copy[1].offline", 'true or false, got "yes"'),
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
    ("", "place = 5", "place", "a table [place.NAME], got 5"),
    ("", "place.nas = 5", "place.nas", "a table [place.nas], got 5"),
    ("", "place.NAS = {}", "place.NAS", f'{SLUG}, got "NAS"'),
    ("place.nas", "rate = 5", "place.nas.rate", 'a rate as "10MiB/s" or "500KB/s", got 5'),
    ("place.nas", 'at = "sftp://nas"', "place.nas.at", "sftp://user@host[:port]/path, got an address without a path"),
    ("place.nas", 'key = "K1"', "place.nas.key", f"{REFERENCE}, got a plain value (not shown)"),
    (
        "place.nas",
        "live = true",
        "place.nas.live",
        "a key that is known here, got live; did you mean live in [[copy]]?",
    ),
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
