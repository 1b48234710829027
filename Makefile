# `make run` and `make test` each do all of their own set-up: Python >= 3.11 is enough.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
UV ?= uv

.DEFAULT_GOAL := help
.PHONY: help install run dev test check format bench lock browser clean

help: ## Show what there is.
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 10

install: $(VENV)/.run ## Set everything up, and start nothing.

run: $(VENV)/.run ## Start Palaver; without any setting, as a chat page with a demo model.
	@$(BIN)/palaver run

dev: $(VENV)/.run ## Start Palaver again at every change, with a debug log.
	@$(BIN)/python dev.py

test: $(VENV)/.test browser check ## Check and test everything.
	$(BIN)/python -m pytest -n 6 --dist worksteal

check: $(VENV)/.test ## Lint, format, types, and which room may know which.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.test ## Put the code into its format.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.test ## Measure everything, and write docs/performance.md (twenty minutes).
	@$(BIN)/python -m bench.everything

lock: ## Lock the newest versions that fit together (needs uv).
	$(UV) pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-annotate --no-header --quiet --upgrade -o requirements.lock
	$(UV) pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-annotate --no-header --quiet -c requirements.lock -o requirements-dev.lock

browser: ## Install Chromium for the page's tests where it is missing and we may.
	@command -v chromium chromium-browser google-chrome >/dev/null \
	  || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	       && apt-get update -qq \
	       && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
	            chromium fonts-dejavu-core fonts-noto-color-emoji fonts-noto-cjk >/dev/null; } \
	  || echo "No Chromium here: the page's tests will be skipped."

clean: ## Forget the environment; the data stays.
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("Palaver needs Python 3.11 or newer" if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/.run: requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "Installing Palaver into $(VENV) (once; about half a minute) ..."
	@$(PIP) --no-compile --no-deps --require-hashes -r requirements.lock
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.test: requirements-dev.lock $(VENV)/.run
	@echo "Installing the test tools into $(VENV) (once) ..."
	@$(PIP) --no-compile --no-deps --require-hashes -r requirements-dev.lock
	@touch $@
