"""The rules of the house that a machine can hold; each test reports every offence at once."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LONGEST_FILE_LINES = 400
LONGEST_FUNCTION_LINES = 50
FORBIDDEN_ROOMS = {"utils", "util", "helpers", "helper", "common", "base", "models", "core", "manager", "misc"}
TOP_LEVEL = {
    ".ci",
    ".editorconfig",
    ".gitignore",
    "CHANGELOG.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "pyproject.toml",
    "reports",
    "scenarios",
    "tests",
    "verifier",
}
# A letter of each in brackets, so that this line is none of what it looks for.
OPEN_POINT = re.compile(r"\b(TO[D]O|FIX[M]E|XX[X]|HA[C]K)\b")


def _modules() -> list[Path]:
    return sorted((ROOT / "verifier").rglob("*.py"))


def _offences(check: Callable[[Path], Iterator[str]], paths: list[Path]) -> str:
    return "\n".join(offence for path in paths for offence in check(path))


def _place(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _too_long_files(path: Path) -> Iterator[str]:
    lines = len(path.read_text("utf-8").splitlines())
    if lines > LONGEST_FILE_LINES:
        yield f"{_place(path)}: {lines} lines, at most {LONGEST_FILE_LINES}"


def _too_long_functions(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > LONGEST_FUNCTION_LINES:
                yield f"{_place(path)}:{node.lineno}: {node.name} has {lines} lines, at most {LONGEST_FUNCTION_LINES}"


def _public_without_docstring(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_bytes())
    if tree.body and ast.get_docstring(tree) is None:
        yield f"{_place(path)}:1: the module has no docstring"
    waiting: list[ast.Module | ast.ClassDef] = [tree]
    while waiting:
        for node in waiting.pop().body:
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) or node.name.startswith("_"):
                continue
            if ast.get_docstring(node) is None and not _documented_elsewhere(node):
                yield f"{_place(path)}:{node.lineno}: {node.name} has no docstring"
            if isinstance(node, ast.ClassDef):
                waiting.append(node)


def _documented_elsewhere(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> bool:
    """Tell whether the docstring stands at the property that this sets, or the method that this fills in."""
    decorators = [ast.unparse(decorator) for decorator in node.decorator_list]
    return any(name.endswith((".setter", ".deleter", "overload", "override")) for name in decorators)


def _open_points(path: Path) -> Iterator[str]:
    for number, line in enumerate(path.read_text("utf-8", "surrogateescape").splitlines(), 1):
        if OPEN_POINT.search(line):
            yield f"{_place(path)}:{number}: an open point belongs in an issue: {line.strip()}"


def _tracked(must_run: Callable[[str, str], None]) -> list[str]:
    if not (ROOT / ".git").exists():
        must_run("git", "the tests don't run from a clone, so what is in git can't be told")
    listing = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True
    )
    return [name for name in listing.stdout.decode("utf-8").split("\0") if name]


@pytest.mark.parametrize("check", [_too_long_files, _too_long_functions, _public_without_docstring])
def test_every_module_is_short_and_says_what_it_does(check: Callable[[Path], Iterator[str]]) -> None:
    modules = _modules()
    offences = _offences(check, modules)
    assert modules
    assert not offences, f"\n{offences}"


def test_no_room_has_a_name_that_says_nothing() -> None:
    names = {_place(path): {path.stem, *path.relative_to(ROOT).parent.parts} for path in _modules()}
    offences = [f"{place}: {', '.join(sorted(said & FORBIDDEN_ROOMS))}" for place, said in names.items()]
    assert not [line for line in offences if not line.endswith(": ")]


def test_no_open_point_stands_in_a_file(must_run: Callable[[str, str], None]) -> None:
    text = (".py", ".md", ".toml", ".j2", ".html", ".css", ".sh")
    paths = [ROOT / name for name in _tracked(must_run) if name.endswith(text) and not name.startswith("reports/")]
    offences = _offences(_open_points, [path for path in paths if path.is_file()])
    assert not offences, f"\n{offences}"


def test_nothing_unexpected_lies_at_the_top(must_run: Callable[[str, str], None]) -> None:
    unexpected = sorted({name.split("/", 1)[0] for name in _tracked(must_run)} - TOP_LEVEL)
    assert not unexpected, f"expected only {', '.join(sorted(TOP_LEVEL))} at the top, got {', '.join(unexpected)}"


@pytest.mark.parametrize(
    ("check", "text", "expected"),
    [
        (_too_long_files, '"""D."""\n' * 401, "401 lines"),
        (_too_long_functions, '"""D."""\ndef f():\n' + "    pass\n" * 50, "f has 51 lines"),
        (_public_without_docstring, '"""D."""\nclass A:\n    """D."""\n    def b(self): ...\n', "b has no docstring"),
        (_public_without_docstring, "import os\n", "the module has no docstring"),
        (_open_points, "# TO\x44O: later\n", "an open point"),
    ],
)
def test_each_rule_can_fail(
    check: Callable[[Path], Iterator[str]],
    text: str,
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    path = tmp_path / "offence.py"
    path.write_text(text)
    assert expected in "\n".join(check(path))
