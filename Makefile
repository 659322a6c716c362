# Every target does its own set-up: on a fresh machine `make demo` or `make test` is all there is to type.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# A suite that can't run here fails and says why, rather than be skipped: an unseen skip is a hope, too.
# `make test VERIFIER_TEST_MUST_RUN=` skips it instead, and names it at the end.
VERIFIER_TEST_MUST_RUN ?= all
export VERIFIER_TEST_MUST_RUN

.PHONY: help demo sample test lint bench tools clean
.DEFAULT_GOAL := help

help:
	@echo 'make demo   a household in a folder, with planted damage, drilled'
	@echo 'make sample  reports/sample anew: the bundle of such a drill'
	@echo 'make test   lint, then every test'
	@echo 'make lint   style, types, the order of the rooms'
	@echo 'make bench  speed and memory beside other tools; half an hour, 30 GB of disk'
	@echo 'make clean  removes what the other targets made'

demo: $(VENV)/.ready
	$(BIN)/verifier demo

sample: $(VENV)/.ready
	$(BIN)/verifier demo --quiet --into /tmp/household
	rm -rf reports/sample && cp -R /tmp/household/reports/household/2*Z-* reports/sample
	rm -rf /tmp/household

test: lint tools
	$(BIN)/pytest -n 2

lint: $(VENV)/.ready
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.ready tools
	$(BIN)/python tests/bench/run.py

# The stamp is newer than pyproject.toml once everything that it names is installed, so a second time costs nothing.
$(VENV)/.ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo 'make: Python 3.11 or later is needed; name one with `make PYTHON=python3.12 ...`' >&2; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) \
	  || { rm -rf $(VENV); $(MAKE) --no-print-directory venv-by-apt && $(PYTHON) -m venv $(VENV); }
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'  # the first that reads dependency groups
	$(BIN)/python -m pip install --quiet --editable . --group dev --group browser
	@touch $@

# Debian and its children ship venv apart from Python.
.PHONY: venv-by-apt
venv-by-apt:
	@tests/install-tools python3-venv

tools:
	@tests/install-tools || true  # it has said what is missing; the suites that need it fail by themselves

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
