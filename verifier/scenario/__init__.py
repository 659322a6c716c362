"""TOML → `Scenario`, or every problem at once with file and line; and a draft of a scenario → commented TOML."""

from verifier.scenario.file import find, load, load_all, load_text

__all__ = ["find", "load", "load_all", "load_text"]
