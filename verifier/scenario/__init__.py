"""TOML → `Scenario`, or every problem at once with file and line."""

from verifier.scenario.file import find, load, load_all

__all__ = ["find", "load", "load_all"]
