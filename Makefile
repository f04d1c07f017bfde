# Branchwatch: the words a contributor types. `make` alone lists them.
# Everything lives in .venv; set-up is done again only when the lock, pyproject.toml or a catalogue changes.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CODE := $(wildcard branchwatch.py agent collector ordering protocol provisioning simulator scripts tests benchmarks)
CATALOGUES := $(patsubst %.po,%.mo,$(wildcard protocol/texts/*/LC_MESSAGES/*.po))
DATA := $(wildcard ../shared/data)
ARGS ?=
# Most tests wait for real peers: five files at a time keep two cores busy. WORKERS=0 runs one after another.
WORKERS ?= 5

ifdef DATA
export BRANCHWATCH_DATA ?= $(abspath $(DATA))
endif
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-long test-postgres check bench fmt lock
.DELETE_ON_ERROR:

help: ## this list
	@echo "Branchwatch. Words for make:"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1 | \2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-18s %s\n", $$1, $$2 }'
	@echo 'More words for the command behind it, for example:  make demo ARGS="--sites 5"   make test ARGS="-k envelope"'

setup: $(VENV)/.dev $(CATALOGUES) ## the Python environment in .venv, for running and developing
	@echo "Ready: $(BIN)/branchwatch --help"

demo: $(VENV)/.run $(CATALOGUES) ## a whole bank on this machine, until Ctrl-C
	@$(BIN)/branchwatch demo $(ARGS)

test: $(VENV)/.dev $(CATALOGUES) peers ## every test but the long ones; installs missing Debian peers first
	$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

test-long: $(VENV)/.dev $(CATALOGUES) peers ## the tests that take minutes
	$(BIN)/pytest -m long $(ARGS)

test-postgres: $(VENV)/.dev $(CATALOGUES) peers ## the tests of the centre once more, on a PostgreSQL of their own
	$(BIN)/python -m pytest -p tests.on_postgres -rf -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(VENV)/.dev $(CATALOGUES) ## lint, format, strict types
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy $(CODE)

bench: $(VENV)/.dev $(CATALOGUES) peers ## measure; prints a table and writes JSON
	$(BIN)/python -m benchmarks $(ARGS)

fmt: $(VENV)/.dev ## put the code into its format, and mend what lint can mend
	$(BIN)/ruff check --fix-only $(CODE)
	$(BIN)/ruff format $(CODE)

lock: $(VENV)/.dev ## write requirements.lock again (ARGS=--upgrade for newer versions)
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python scripts/lock.py $(ARGS)

.PHONY: peers
peers:
	@scripts/debian.sh peers

$(BIN)/python:
	@scripts/debian.sh python "$(PYTHON)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing what Branchwatch needs to run into $(VENV) (hashes checked)"
	@sed '/^# --- development only/,$$d' requirements.lock > $(VENV)/run.lock
	@$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r $(VENV)/run.lock
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.run
	@echo "Installing what tests and checks need into $(VENV) (hashes checked)"
	@$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements.lock
	@touch $@

%.mo: %.po $(VENV)/.run
	@$(BIN)/pybabel --quiet compile --input-file $< --output-file $@
