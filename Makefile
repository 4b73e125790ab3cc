# Everything that one types in this checkout. `make` lists it.

.DEFAULT_GOAL := help
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
# The first Python here that is new enough; name another with `make PYTHON=...`.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
PORT ?=
DEMO ?= 1
KILLS ?= 1000
ARGS ?=

.PHONY: bench races screenshots chaos help install install-dev run test lint format types contracts rules lock

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(VENV)/installed ## set up .venv with what Roamdesk needs to run

install-dev: $(VENV)/installed-dev ## add what the tests and checks need

run: $(VENV)/installed ## run Roamdesk and its demo partner (PORT=8000; DEMO=0 starts empty, without a partner)
	@exec $(BIN)/python manage.py up $(if $(PORT),--port $(PORT)) $(if $(filter 0,$(DEMO)),--no-demo) $(ARGS)

test: $(VENV)/installed-dev ## run the tests on two cores (ARGS="tests/wire -x" for some of them)
	@$(BIN)/python -m pytest -n 2 $(ARGS)

screenshots: $(VENV)/installed-dev ## take the pictures of README and handbook from the demo (needs Chromium)
	@$(BIN)/python docs/screenshots.py

chaos: $(VENV)/installed-dev ## kill parts of a platform at random (KILLS=1000; a hundred take two to three minutes)
	@ROAMDESK_CHAOS_KILLS=$(KILLS) $(BIN)/python -m pytest -q -s -n 0 -m chaos tests/chaos

lint: $(VENV)/installed-dev ## check style and formatting
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

format: $(VENV)/installed-dev ## correct style and formatting where a machine can
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

types: $(VENV)/installed-dev ## check types: strictly in the protocol, in rules and in actions
	@$(BIN)/mypy

contracts: $(VENV)/installed-dev ## check who imports whom
	@$(BIN)/lint-imports

rules: $(VENV)/installed-dev ## show which rules of the specification the tests prove
	@$(BIN)/python -m tests.rules

races: $(VENV)/installed-dev ## book the same spaces 64 at once, ROUNDS times (200 unless told otherwise)
	@ROUNDS=$(or $(ROUNDS),200) $(BIN)/python -m pytest -q -n 0 tests/bookings/test_races.py

bench: $(VENV)/installed-dev ## measure the figures that the README quotes (ARGS chooses some)
	@$(BIN)/python -m bench $(ARGS)

lock: $(VENV)/installed-dev ## choose new versions of all libraries (needs `pip install uv` in .venv)
	@$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header \
		--no-annotate --upgrade -q -o requirements.lock
	@$(BIN)/uv pip compile pyproject.toml --extra dev -c requirements.lock --universal --python-version 3.11 \
		--generate-hashes --no-header --no-annotate -q -o tests/requirements.lock

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Roamdesk needs Python 3.11 or newer, and none was found. Install one" \
		"(for example: apt-get install python3 python3-venv), or name it: make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Roamdesk needs Python 3.11 or newer; $(PYTHON) is older. Name another: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "Python could not make a virtual environment," \
		"see above. If it misses ensurepip, on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }

# A stamp each, so that a set-up that is up to date costs nothing.
$(VENV)/installed: requirements.lock | $(VENV)/bin/python
	@echo "Installing what requirements.lock names into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

$(VENV)/installed-dev: tests/requirements.lock $(VENV)/installed
	@echo "Installing what the tests need into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tests/requirements.lock
	@touch $@
