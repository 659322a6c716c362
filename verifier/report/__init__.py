"""A proof, parsed back from its own bytes → what people read: HTML, Markdown, a mail, and the page of all drills.

Pure: the same proof gives the same bytes, on any day and any machine. Every value from outside is escaped by the
environments in `rendering`, so no template has to think of it.
"""

from verifier.report.letter import NOT_DRILLED, Letter, Told, render_letter, subject_of, told_of, worst_first
from verifier.report.rendering import IndexRow, render_html, render_index, render_markdown

__all__ = [
    "NOT_DRILLED",
    "IndexRow",
    "Letter",
    "Told",
    "render_html",
    "render_index",
    "render_letter",
    "render_markdown",
    "subject_of",
    "told_of",
    "worst_first",
]
