# Everything a newcomer runs. `make demo` and `make test` start from a bare Python 3.11; nothing else is expected.
PYTHON ?= python3
VENV ?= .venv
ARGS ?=
WORKERS ?= 4
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install
RUNNING := $(VENV)/.installed-running
TESTING := $(VENV)/.installed-testing

.DEFAULT_GOAL := help
.PHONY: help setup demo run test check format transitions catalogue publish-contracts bench eval attacks powercut lock clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(TESTING)  ## the environment for running and for testing, in $(VENV)

demo: $(RUNNING)  ## everything from nothing: local stack, a replayed stretch of a heating season, balance sheet, bulletin
	$(BIN)/nuanliu demo $(ARGS)

run: $(RUNNING)  ## the local stack until Ctrl-C
	$(BIN)/nuanliu up $(ARGS)

# Most tests wait most of the time, so there are more workers than cores; what Python compiles is kept for the others.
test: export PYTHONDONTWRITEBYTECODE =
test: $(TESTING)  ## the whole test suite, WORKERS files at a time (ARGS goes to pytest)
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(TESTING)  ## lint, format, types, import contracts, production shape, catalogue of contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m deploy.render --check
	$(BIN)/python -m deploy.catalogue --check

format: $(TESTING)  ## what `make check` would complain about, mended where a tool can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

transitions: $(TESTING)  ## write docs/transitions.md anew, by trying every message in every state
	$(BIN)/python -m tests.transitions

catalogue: $(TESTING)  ## write docs/contracts/ anew from the contracts
	$(BIN)/python -m deploy.catalogue

publish-contracts: $(TESTING)  ## freeze the schemas of v1 as they are; later ones must be compatible with them
	$(BIN)/python -m deploy.catalogue --publish

bench: $(TESTING)  ## the benchmark table, and var/bench.json
	$(BIN)/python -m tests.bench $(ARGS)

eval: $(TESTING)  ## how often appeals are understood as a dispatcher would, each miss in words (ARGS: another file, or --replied FILE of real messages)
	$(BIN)/python -m tests.evaluation $(ARGS)

attacks: $(TESTING)  ## what a tenant can do to the others, tried out on the configuration that ships; var/attacks.json
	$(BIN)/python -m tests.attacks

powercut: $(TESTING)  ## cut the power under NATS and the database; needs /dev/fuse
	$(BIN)/python -m tests.faults.powercut $(ARGS)

lock: $(TESTING)  ## resolve the lock files anew (they name no index): build backend < service < local stack < tests
	$(call resolve,--group build,requirements-build.lock)
	$(call resolve,pyproject.toml,requirements.lock)
	$(call resolve,--extra embedded --constraint requirements.lock pyproject.toml,requirements-embedded.lock)
	$(call resolve,--extra embedded --extra dev --constraint requirements-embedded.lock pyproject.toml,requirements-dev.lock)

clean:  ## remove the environment, caches and local state
	rm -rf $(VENV) var .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info

resolve = $(BIN)/uv pip compile --quiet --universal --upgrade --generate-hashes --no-annotate --no-emit-index-url \
	--custom-compile-command "make lock" --python-version 3.11 $(1) --output-file $(2)

# The build backend comes first and from its own lock, so that no source distribution fetches one behind our back.
$(RUNNING): requirements-build.lock requirements-embedded.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) --require-hashes -r requirements-build.lock
	$(PIP) --require-hashes --no-build-isolation -r requirements-embedded.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	touch $@

$(TESTING): $(RUNNING) requirements-dev.lock
	$(PIP) --require-hashes --no-build-isolation -r requirements-dev.lock
	touch $@
