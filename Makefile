# One command each, from a fresh clone: everything a target needs it prepares itself.
# Needed on the machine: Python 3.11 or newer, make, and either Docker or Java 17 with Maven.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed
PYTEST_ARGS ?=
# Half of a test's time is waiting for servers and processes, so two share two cores well.
WORKERS ?= 2

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

.PHONY: help setup compiled check format test faults chaos demo bench peers up down lock

help: ## list the targets
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 10

setup: $(INSTALLED) ## create .venv with the locked versions

# Written last, so that an interrupted installation is repeated.
$(INSTALLED): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'Python 3.11 or newer is needed: sudo apt-get install -y python3 (or make PYTHON=/path/to/python3)'; exit 1; }
	@test -x $(RUN) || $(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo 'Python has no venv: sudo apt-get install -y python3-venv'; exit 1; }
	$(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

compiled: setup ## the hot modules as C extensions, where there is a C compiler
	@$(RUN) -m deploy.compiled

check: setup ## formatter, linter, types, import contracts, tidiness: seconds
	$(RUN) -m ruff format --check .
	$(RUN) -m ruff check --quiet .
	$(RUN) -m mypy
	$(VENV)/bin/lint-imports --no-logo
	$(RUN) -m pytest -q tests/architecture

format: setup ## let the formatter and the linter repair what they can
	$(RUN) -m ruff check --fix --quiet .
	$(RUN) -m ruff format --quiet .

test: compiled ## every test but the slow and the chaotic; starts the servers it needs
	$(RUN) -m deploy.compiled test
	$(RUN) -m pytest -n $(WORKERS) --dist loadfile -m 'not slow and not chaos' $(PYTEST_ARGS)

faults: compiled ## every test that injects faults, and whatever is slow: half an hour
	$(RUN) -m pytest -m '(faults or slow) and not consul' $(PYTEST_ARGS)

chaos: compiled ## a random mix of faults: SEED=n MINUTES=m, ROUND=k for one of its rounds again
	$(RUN) -m tests.chaos $(if $(SEED),--seed $(SEED)) $(if $(MINUTES),--minutes $(MINUTES)) \
	  $(if $(ROUND),--round $(ROUND)) $(if $(ROUND_S),--round-s $(ROUND_S)) \
	  $(if $(PER_S),--per-s $(PER_S)) $(if $(ONLY),--only $(ONLY))

demo: compiled ## a realistic stream through the whole system, under 3 minutes
	$(RUN) -m deploy.demo

bench: compiled ## measure: a few minutes
	$(RUN) -m bench

peers: compiled ## the same small job in Kafka Streams, Quix, Faust and ours: half an hour
	$(RUN) -m bench.peers

up: compiled ## start servers and processes and leave them running
	$(RUN) -m deploy.up start

down: setup ## stop what `make up` started
	$(RUN) -m deploy.up stop

lock: setup ## renew requirements.lock from pyproject.toml
	$(RUN) -m uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	  --no-header --no-emit-index-url --no-emit-find-links \
	  --extra dev --output-file requirements.lock pyproject.toml
	$(RUN) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
	  --constraint requirements.lock --output-file requirements.runtime.lock pyproject.toml
