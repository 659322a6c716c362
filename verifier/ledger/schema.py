"""The tables of the ledger, as the steps that lead from each version of the schema to the next.

The version of a database is its `user_version`; an empty one has version 0. A step is never edited once it was
released: what changes later is a step more. Columns are named as the fields that they are read into.
"""

from __future__ import annotations

from typing import Final

MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (
    (
        # Names of scenarios and copies stand once; rows that exist by the million hold a small integer instead.
        "CREATE TABLE name (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
        # One row for each drill that was begun. The last five columns before `abandoned_by` are the link in the
        # chain and are empty until the drill has left its proof; `UNIQUE (scenario, number)` keeps two drills from
        # ever being the same link.
        """
        CREATE TABLE drill (
            sequence INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            scenario INTEGER NOT NULL REFERENCES name (id),
            started_at TEXT NOT NULL,
            seed BLOB NOT NULL,
            seed_source TEXT NOT NULL,
            planned TEXT NOT NULL,
            options TEXT NOT NULL,
            number INTEGER,
            previous TEXT,
            proof_sha256 TEXT,
            finished_at TEXT,
            verdict TEXT,
            abandoned_by INTEGER REFERENCES drill (sequence),
            UNIQUE (scenario, number)
        )
        """,
        # What a finished drill found of each copy: small, kept for ever.
        """
        CREATE TABLE result (
            drill INTEGER NOT NULL REFERENCES drill (sequence),
            copy INTEGER NOT NULL REFERENCES name (id),
            verdict TEXT NOT NULL,
            planned_files INTEGER NOT NULL,
            planned_bytes INTEGER NOT NULL,
            proven_files INTEGER NOT NULL,
            proven_bytes INTEGER NOT NULL,
            PRIMARY KEY (drill, copy)
        ) WITHOUT ROWID
        """,
        # Outcomes of a running drill. With a rowid, because a row is some 50 KB: the index stays small beside it.
        """
        CREATE TABLE batch (
            drill INTEGER NOT NULL REFERENCES drill (sequence),
            copy INTEGER NOT NULL REFERENCES name (id),
            batch INTEGER NOT NULL,
            fingerprint BLOB NOT NULL,
            outcomes BLOB NOT NULL,
            UNIQUE (drill, copy, batch)
        )
        """,
        # Without a rowid the rows lie in the order of the path's bytes, as every reader wants them. `proven_at` is in
        # seconds since 1970. No foreign keys: they would be looked up for each of millions of rows.
        """
        CREATE TABLE proven (
            scenario INTEGER NOT NULL,
            copy INTEGER NOT NULL,
            path BLOB NOT NULL,
            mark INTEGER NOT NULL,
            proven_at INTEGER NOT NULL,
            drill_number INTEGER NOT NULL,
            PRIMARY KEY (scenario, copy, path)
        ) WITHOUT ROWID
        """,
    ),
    (
        # Files that were found damaged when they were last restored: each next drill restores them, until one matches.
        """
        CREATE TABLE damaged (
            scenario INTEGER NOT NULL,
            copy INTEGER NOT NULL,
            path BLOB NOT NULL,
            PRIMARY KEY (scenario, copy, path)
        ) WITHOUT ROWID
        """,
    ),
    (
        # What the rule and plans ask of a finished drill, as JSON; empty in rows of before.
        "ALTER TABLE result ADD COLUMN seen TEXT",
    ),
)
