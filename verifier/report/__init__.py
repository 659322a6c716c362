"""A proof, parsed back from its own bytes → what people read: HTML, Markdown, and the page of all drills.

Pure: the same proof gives the same bytes, on any day and any machine. Every value from outside is escaped by the
environments in `rendering`, so no template has to think of it.
"""

from verifier.report.rendering import IndexRow, render_html, render_index, render_markdown

__all__ = ["IndexRow", "render_html", "render_index", "render_markdown"]
