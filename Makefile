# `make run` serves the demo, `make test` runs every test; both set up all they need in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8080
SOURCES := $(shell find src -type f -not -path '*/__pycache__/*' 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: help run test check bench lock clean

help:
	@echo "make run     serve the demo at http://127.0.0.1:$(PORT)"
	@echo "make test    set up and run every test, real databases and a real browser included"
	@echo "make check   lint, types and layers"
	@echo "make bench   measure; see benchmarks/README.md"
	@echo "make lock    resolve the dependencies anew"

run: $(VENV)/run.stamp
	$(BIN)/leeward serve --demo --port $(PORT)

test: $(VENV)/dev.stamp
	@$(PYTHON) tests/needs_chromium.py
	$(BIN)/python -m pytest

check: $(VENV)/dev.stamp
	$(BIN)/ruff check src tests benchmarks training
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/dev.stamp
	$(BIN)/python benchmarks/all.py

lock:
	uv pip compile -q pyproject.toml --extra postgres $(LOCK) -o requirements/runtime.lock
	uv pip compile -q pyproject.toml --extra postgres --group dev $(LOCK) -o requirements/dev.lock
	echo 'hatchling>=1.27' | uv pip compile -q - $(LOCK) -o requirements/build.lock

LOCK := --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url --upgrade

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache build dist

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not ((3, 11) <= sys.version_info < (3, 14)))' || \
	  { echo "Leeward needs Python 3.11 to 3.13; choose one with: make PYTHON=python3.12 run"; exit 2; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "Python cannot make virtual environments here; on Debian or Ubuntu: sudo apt-get install python3-venv"; exit 2; }

# The package is built and installed as a wheel, as users get it.
$(VENV)/run.stamp: $(BIN)/python requirements/runtime.lock requirements/build.lock pyproject.toml $(SOURCES)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/runtime.lock -r requirements/build.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --force-reinstall .
	@touch $@

$(VENV)/dev.stamp: $(BIN)/python requirements/dev.lock requirements/build.lock pyproject.toml $(SOURCES)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock -r requirements/build.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --force-reinstall .
	@touch $@
