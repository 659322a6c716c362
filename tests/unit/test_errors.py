"""Each family of errors has its exit code, and crosses between processes with its hint."""

from __future__ import annotations

import concurrent.futures
import copy
import multiprocessing
import pickle

import pytest

from verifier import errors
from verifier.errors import UnreadableError, VerifierError
from verifier.progress import CancelledError


def families(kind: type[VerifierError] = VerifierError) -> list[type[VerifierError]]:
    return [kind, *(leaf for child in kind.__subclasses__() for leaf in families(child))]


OURS = [kind for kind in families() if kind.__module__ == "verifier.errors"]


def test_every_error_of_the_module_is_one_family() -> None:
    assert len(OURS) == sum(isinstance(value, type) for name, value in vars(errors).items() if name.endswith("Error"))


@pytest.mark.parametrize("kind", [*OURS, CancelledError])
def test_an_error_crosses_from_a_worker_whole(kind: type[VerifierError]) -> None:
    for made in (kind("expected a, got b", hint="do c"), kind("expected a, got b")):
        for crossed in (pickle.loads(pickle.dumps(made)), copy.copy(made)):  # noqa: S301 - what was just made here
            assert type(crossed) is kind
            assert (crossed.message, crossed.hint, str(crossed)) == (made.message, made.hint, "expected a, got b")


def _fail() -> None:
    raise UnreadableError("expected bytes, got an error of the disk", hint="replace it")


def test_an_error_raised_in_another_process_is_caught_here_as_what_it_is() -> None:
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        future = pool.submit(_fail)
        with pytest.raises(UnreadableError, match="expected bytes") as caught:
            future.result(timeout=60)
    assert caught.value.hint == "replace it"


@pytest.mark.parametrize("kind", OURS)
def test_the_exit_code_is_2_for_what_was_asked_and_3_for_what_could_not_be_done(kind: type[VerifierError]) -> None:
    asked = {"UsageError", "ScenarioError", "ManifestError", "SameDataError"}
    assert kind.exit_code == (2 if kind.__name__ in asked else 3)


def test_an_error_has_a_hint_only_by_name() -> None:
    with pytest.raises(TypeError):
        VerifierError("message", "hint")  # type: ignore[misc]
