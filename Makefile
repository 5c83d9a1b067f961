# A machine needs Python 3.11 or later and make; everything else is installed into .venv.

PYTHON ?= python3
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
LOCKS := deploy/requirements.txt deploy/requirements-build.txt deploy/requirements-dev.txt
CLIENTS := $(or $(GATEWAY_TOOLS),.tools)/clients
WHEELS := $(or $(GATEWAY_TOOLS),.tools)/wheels
CLIENTS_LOCK := tests/contract/clients/requirements.txt
LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--custom-compile-command "make lock" $(ARGS)
COMPILE = $(LOCK) --extra fast --extra http2 --extra otel pyproject.toml

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help setup tools demo check test clients faults soak mutants bench format lock

help:
	@echo "make demo     show the gateway at work on four simulated vendors (ARGS=--exit ends after the tour)"
	@echo "make test     the checks and every test (ARGS goes to pytest); pictures of the console go to .artefacts"
	@echo "make clients  generate clients in every language, and run one scenario with each"
	@echo "make faults   the fault rig with the figures of the gate; test has smaller ones"
	@echo "make soak     the fault rig for hours, and properties with other examples than the last time"
	@echo "make check    format, lint, types, import contracts, and the files of deploy/"
	@echo "make mutants  break the code in known ways, one at a time: the tests have to notice each"
	@echo "make bench    what the gateway costs, beside its peers (ARGS=--growth adds what grows)"
	@echo "make format   format, and mend what lint can mend"
	@echo "make tools    unpack the programs that tests need and the machine lacks; test does it too"
	@echo "make setup    install into $(VENV); the others do it when it is due (PYTHON=python3.12 chooses)"
	@echo "make lock     bring $(LOCKS) up to pyproject.toml (ARGS=--upgrade takes new versions)"

setup: $(READY)

$(READY): pyproject.toml deploy/requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else \
	    "Python 3.11 or later is needed, and this is " + sys.version.split()[0] + ": name one with PYTHON=")'
	@test -f $(VENV)/pyvenv.cfg && $(BIN)/python -m pip --version >/dev/null 2>&1 \
	    || $(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r deploy/requirements-dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@: >$@

demo: $(READY)
	$(BIN)/gateway demo $(ARGS)

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/hadolint deploy/Dockerfile
	$(BIN)/yamllint --strict --config-file deploy/.yamllint.yaml deploy
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec deploy/compose.yaml
	$(BIN)/python -m tests.deploy.manifests
	$(BIN)/python -m tests.deploy.rules

# What an image is made of, so that a test can make it without a network.
$(WHEELS)/.ready: deploy/requirements.txt deploy/requirements-build.txt
	@rm -rf $(WHEELS)
	@for lock in $^; do $(BIN)/python -m pip download --quiet --require-hashes --only-binary :all: \
	    --dest $(WHEELS) --requirement $$lock || exit; done
	@: >$@

tools: $(READY) $(WHEELS)/.ready
	@$(BIN)/python -m tests.programs
	@$(BIN)/python -m tests.contract.clients.toolchain

test: tools check
	$(BIN)/pytest $(ARGS)

$(CLIENTS)/.ready: $(CLIENTS_LOCK)
	$(PYTHON) -m venv --clear $(CLIENTS)
	$(CLIENTS)/bin/python -m pip install --quiet --require-hashes -r $(CLIENTS_LOCK)
	@: >$@

clients: $(READY) $(CLIENTS)/.ready
	@$(BIN)/python -m tests.contract.clients.toolchain
	GATEWAY_CLIENTS=all GATEWAY_REQUIRE_TOOLS=1 $(BIN)/pytest tests/contract/clients $(ARGS)

mutants: $(READY) tools
	$(BIN)/python -m tests.mutants $(ARGS)

bench: tools
	@$(BIN)/python -m tests.performance.bench $(ARGS)

faults: tools
	GATEWAY_FAULTS=gate GATEWAY_REQUIRE_TOOLS=1 $(BIN)/pytest tests/faults $(ARGS)

soak: tools
	GATEWAY_FAULTS=soak GATEWAY_REQUIRE_TOOLS=1 $(BIN)/pytest tests/faults $(ARGS)
	GATEWAY_EXPLORE=1 GATEWAY_STATE_EXAMPLES=5000 $(BIN)/pytest tests --ignore tests/faults $(ARGS)

format: $(READY)
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

lock: $(READY)
	$(COMPILE) --output-file deploy/requirements.txt
	$(COMPILE) --output-file deploy/requirements-dev.txt --group dev --constraint deploy/requirements.txt
	$(LOCK) --group build --output-file deploy/requirements-build.txt --constraint deploy/requirements-dev.txt
	$(LOCK) --group clients --output-file $(CLIENTS_LOCK)
