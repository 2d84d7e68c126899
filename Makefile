# Every door of the project needs Python 3.11 or newer and make, nothing else.

PYTHON ?= python3
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
INSTALL_PACKAGE := $(INSTALL) --no-deps --no-build-isolation --editable .

.PHONY: help setup run test check mutants docs format bench lock clean

help:
	@echo 'make run      start the service on 127.0.0.1:$(PORT) and print a call to try'
	@echo 'make test     run every test'
	@echo 'make check    format, lint, types, knowledge, pages'
	@echo 'make mutants  changes of the knowledge that no case notices'
	@echo 'make docs     make the pages that show what the program says'
	@echo 'make format   lay the code out as make check wants it'
	@echo 'make bench    measure the service beside a bare route'
	@echo 'make lock     renew the locked dependencies (needs Python 3.11)'
	@echo 'make clean    remove what the other targets made'

setup: $(VENV)/dev.stamp

run: $(VENV)/run.stamp
	$(BIN)/cds-service serve --host 127.0.0.1 --port $(PORT)

test: $(VENV)/dev.stamp
	$(BIN)/python -m pytest

check: $(VENV)/dev.stamp
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/cds-service knowledge check
	PYTHONPATH=. $(BIN)/python tools/docs.py --check

mutants: $(VENV)/dev.stamp
	$(BIN)/cds-service knowledge mutate

docs: $(VENV)/dev.stamp
	PYTHONPATH=. $(BIN)/python tools/docs.py

format: $(VENV)/dev.stamp
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

bench: $(VENV)/run.stamp
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis

# --- what is installed: anew when a lock or the package's metadata has changed ---

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed: make PYTHON=python3.12 ..." if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv --clear $(VENV)

$(VENV)/run.stamp: pyproject.toml requirements.lock requirements-build.lock | $(BIN)/python
	$(INSTALL) --require-hashes -r requirements.lock -r requirements-build.lock
	$(INSTALL_PACKAGE)
	@touch $@

# The development lock holds the other two, with the same pins.
$(VENV)/dev.stamp: pyproject.toml requirements-dev.lock | $(BIN)/python
	$(INSTALL) --require-hashes -r requirements-dev.lock
	$(INSTALL_PACKAGE)
	@touch $@ $(VENV)/run.stamp

# --- the locks: compiled by the oldest Python that is supported, with hashes and no address of a registry ---

LOCK_TOOLS := build/lock-tools
COMPILE = CUSTOM_COMPILE_COMMAND='make lock' $(LOCK_TOOLS)/bin/pip-compile --quiet --generate-hashes --strip-extras \
	--allow-unsafe --no-emit-options pyproject.toml

lock:
	@$(PYTHON) -c 'import sys; sys.exit("the locks are made by Python 3.11: make lock PYTHON=python3.11" if sys.version_info[:2] != (3, 11) else 0)'
	$(PYTHON) -m venv --clear $(LOCK_TOOLS)
	$(LOCK_TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check pip-tools==7.6.2
	$(COMPILE) --upgrade --extra postgresql --output-file requirements.lock
	$(COMPILE) --upgrade --build-deps-for wheel --build-deps-for editable --only-build-deps \
		--constraint requirements.lock --output-file requirements-build.lock
	$(COMPILE) --upgrade --extra dev --build-deps-for wheel --build-deps-for editable \
		--constraint requirements.lock --constraint requirements-build.lock --output-file requirements-dev.lock
	rm -rf $(LOCK_TOOLS)
