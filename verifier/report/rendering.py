"""What a report says → the bytes of its pages, by the templates that lie in this package."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from verifier.proof import Proof, Result
from verifier.report import amount, escape, meaning
from verifier.report.page import page

_STYLE: Final = "style.css"


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexRow:
    """One drill as the page of all drills shows it.

    `folder` is the bundle's folder under its scenario's; `href` leads from the page to the report, percent-encoded,
    None where the bundle has no report. `problem` says why the proof can't be read; then nothing else is known.
    """

    scenario: str
    folder: str
    href: str | None = None
    number: int | None = None
    started_at: str | None = None
    machine: str | None = None
    interrupted: bool = False
    result: Result | None = None
    copies: tuple[tuple[str, Result], ...] = ()
    problem: str | None = None


def render_html(proof: Proof, *, proof_sha256: str) -> str:
    """Return the report as one self-contained HTML file: no script, no request to anywhere.

    Args:
        proof: parsed back from its own bytes.
        proof_sha256: the SHA-256 of those bytes, in hex.
    """
    return html_templates().get_template("report.html.j2").render(page=page(proof, sha256=proof_sha256))


def render_markdown(proof: Proof, *, proof_sha256: str) -> str:
    """Return the report as Markdown, as CommonMark with tables; the arguments are those of `render_html`."""
    return markdown_templates().get_template("report.md.j2").render(page=page(proof, sha256=proof_sha256))


def render_index(drills: Sequence[IndexRow]) -> str:
    """Return the page of all drills: each scenario by name, its drills from the newest to the oldest."""
    # A folder's name begins with the drill's time, so it orders those, too, whose proof can't be read.
    newest_first = sorted(drills, key=lambda row: row.folder, reverse=True)
    by_scenario = sorted(newest_first, key=lambda row: row.scenario)
    scenarios = [(name, list(rows)) for name, rows in groupby(by_scenario, key=lambda row: row.scenario)]
    return html_templates().get_template("index.html.j2").render(scenarios=scenarios)


@cache
def html_templates() -> Environment:
    """Return the templates of HTML, which escape every value."""
    # The finalizer sees every value that a template puts out, before it is escaped.
    environment = _environment(autoescape=True, finalize=_one_line)
    loader = environment.loader
    assert loader is not None  # noqa: S101 - it was given in the line above
    style = loader.get_source(environment, _STYLE)[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
    # Naming the style's own digest, the page allows this one style and nothing else, not even a style attribute.
    environment.globals["policy"] = Markup("default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; ").format(
        Markup(digest)  # noqa: S704 - base64 that was made here
    ) + Markup("form-action 'none'")
    environment.globals["style"] = Markup(style)  # noqa: S704 - a file of this package
    return environment


@cache
def markdown_templates() -> Environment:
    """Return the templates of Markdown, which escape every value."""
    return _environment(autoescape=False, finalize=_markdown_text)


def _environment(**options: object) -> Environment:
    environment = Environment(  # noqa: S701 - autoescape is among the options; Markdown is escaped by the finalizer
        loader=PackageLoader("verifier.report"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        **options,  # type: ignore[arg-type]
    )
    environment.filters |= {"number": amount.number, "size": amount.size, "moment": amount.moment}
    environment.globals["rule_holds"] = meaning.RULE_HOLDS
    environment.globals["verdicts"] = meaning.VERDICTS
    return environment


def _one_line(value: object) -> object:
    return value if isinstance(value, Markup) or not isinstance(value, str) else escape.line(value)


def _markdown_text(value: object) -> object:
    return value if isinstance(value, escape.Markdown) or not isinstance(value, str) else escape.markdown(value)
