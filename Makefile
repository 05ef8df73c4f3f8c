# Every target sets up what it needs: a virtual environment in .venv, libraries by name, version and hash from the lock files.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := $(shell find generator -name '*.py' -o -name 'py.typed') pyproject.toml README.md LICENSE
PEERS := $(VENV)/peers/node_modules/.package-lock.json
PIP := $(BIN)/python -m pip --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help templates test exhaustive check lint format coverage record bench bench-peers docs lock clean

help: ## show the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "make %-11s %s\n", $$1, $$2}'

templates: $(VENV)/installed ## build, check and write output/ from every file in config/
	$(BIN)/trailkey generate

test: $(VENV)/developing ## run the whole test suite against the installed package
	$(BIN)/pytest --numprocesses auto --dist worksteal

exhaustive: $(VENV)/developing ## run the tests that take minutes: the prover against z3 and brute force, random cases by the thousand
	$(BIN)/pytest --numprocesses auto --dist worksteal -m "exhaustive or hypothesis" --hypothesis-profile exhaustive

coverage: $(VENV)/developing ## measure which lines and branches the tests reach, without random configs and mutations; a floor holds
	COVERAGE_FILE=$(CURDIR)/$(VENV)/coverage $(BIN)/pytest --numprocesses auto --cov -m "not exhaustive and not slow"

check: $(VENV)/installed ## fail where output/ differs from config/; write nothing
	$(BIN)/trailkey generate --check

lint: $(VENV)/developing ## ruff and strict type checking
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(VENV)/developing ## format the code
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

record: $(VENV)/developing ## write every recorded text anew: tests/golden, tests/bad, generated docs, output/; read the difference
	$(BIN)/pytest --numprocesses auto --record

bench: $(VENV)/developing ## measure generate against the plain cfn-lint command, as ratios
	$(BIN)/python tests/bench.py

bench-peers: $(PEERS) $(VENV)/installed ## measure generate against the AWS CDK's synth of the same resources (needs Node.js)
	$(BIN)/python tests/bench_peers.py $(VENV)/peers

docs: $(VENV)/installed ## write the generated pages of docs/
	$(BIN)/trailkey schema > docs/config.schema.json
	$(BIN)/python -c 'from trailkey.reports.config_reference import config_reference as page; print(page(), end="")' > docs/config.md
	$(BIN)/python -c 'from pathlib import Path; from trailkey.pipeline import open_folder; from trailkey.reports.controls_page import controls_page as page; print(page({name: open_folder(Path("output", name))[1] for name in ("single-account", "organization")}), end="")' > docs/controls.md
	$(BIN)/python -c 'from trailkey.reports.errors_page import errors_page as page; print(page(), end="")' > docs/errors.md
	$(BIN)/python -c 'from trailkey.reports.findings_page import findings_page as page; print(page(), end="")' > docs/findings.md

lock: ## renew the lock files (needs uv)
	uv pip compile pyproject.toml --group build --universal --generate-hashes --no-strip-extras --no-header --no-annotate --python-version 3.11 --upgrade --quiet --output-file requirements.lock
	uv pip compile pyproject.toml --group build --group dev --universal --generate-hashes --no-strip-extras --no-header --no-annotate --python-version 3.11 --constraints requirements.lock --quiet --output-file requirements-dev.lock

clean: ## remove the virtual environment and caches; never output/
	rm -rf $(VENV) dist .hypothesis .mypy_cache .pytest_cache .ruff_cache

$(VENV)/created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo "trailkey needs Python 3.11 or newer as $(PYTHON) (found: $$($(PYTHON) --version 2>&1 || true)); install it, or name one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "trailkey needs Python's venv module (on Debian and Ubuntu: apt install python3-venv)" >&2; exit 1; }
	@echo "setting up $(VENV) (once)"
	@$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/libraries: $(VENV)/created requirements.lock
	@echo "installing the libraries of requirements.lock into $(VENV) (once, a minute or two)"
	@$(PIP) install --progress-bar off --require-hashes --requirement requirements.lock
	@touch $@

$(VENV)/installed: $(VENV)/libraries $(SOURCES)
	@echo "installing trailkey into $(VENV)"
	@$(PIP) install --quiet --no-deps --no-build-isolation --force-reinstall .
	@touch $@

$(VENV)/developing: $(VENV)/installed requirements-dev.lock
	@echo "installing what tests and checks need, from requirements-dev.lock (once, a minute or two)"
	@$(PIP) install --progress-bar off --no-compile --require-hashes --requirement requirements-dev.lock
	@touch $@

$(PEERS): $(wildcard tests/peers/*) | $(VENV)/created
	@command -v node >/dev/null && command -v npm >/dev/null || { echo "bench-peers needs Node.js 20 or newer, with npm" >&2; exit 1; }
	@echo "installing the AWS CDK of tests/peers/package-lock.json into $(VENV)/peers (once)"
	@rm -rf $(VENV)/peers && cp -R tests/peers $(VENV)/peers
	@npm ci --prefix $(VENV)/peers --ignore-scripts --no-audit --no-fund
