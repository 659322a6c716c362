"""A question → the answer of whoever sits at the terminal, asked again until it can be used."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable

from verifier import relpath
from verifier.cli.terminal import Terminal
from verifier.errors import UsageError, VerifierError

Check = Callable[[str], None]
"""Raises what is wrong with an answer."""

_YES = {"y": True, "yes": True, "n": False, "no": False}


def somebody(terminal: Terminal) -> Person | None:
    """Return whoever can be asked: somebody who sees what is said, and types; None where nobody does."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    if isinstance(sys.stdin, io.TextIOWrapper):
        # What is typed may be anything; what is no UTF-8 is refused as an answer, not by a traceback.
        sys.stdin.reconfigure(errors="surrogateescape")
    return Person(terminal)


class Person:
    """Somebody at the terminal."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def ask(self, question: str, check: Check, *, proposal: str | None = None) -> str:
        """Return an answer that `check` takes; an empty one is the proposal, where there is one.

        Raises:
            UsageError: nobody types any more.
        """
        proposed = f" [{relpath.show(proposal)}]" if proposal else ""
        while True:
            answer = self._typed(f"{question}{proposed}: ") or proposal or ""
            try:
                check(answer)
            except VerifierError as error:
                self._terminal.say(f"  {error.message}" + (f" (hint: {error.hint})" if error.hint else ""))
                continue
            return answer

    def agree(self, question: str, *, proposal: bool = True) -> bool:
        """Return whether it shall be so."""

        def check(answer: str) -> None:
            if answer.lower() not in _YES:
                raise UsageError(f"expected y or n, got {relpath.show(answer)}")

        return _YES[self.ask(f"{question} (y/n)", check, proposal="y" if proposal else "n").lower()]

    def _typed(self, prompt: str) -> str:
        while True:
            self._terminal.prompt(prompt)
            line = sys.stdin.readline()
            if not line:
                raise UsageError("expected an answer, got the end of input: nothing was written")
            answer = line.strip()
            try:
                answer.encode("utf-8")
            except UnicodeEncodeError:
                self._terminal.say("  expected text in UTF-8, got other bytes")
                continue
            return answer
