# Run `make` to list the targets.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
LOCK := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 pyproject.toml
LOCKED := tests/requirements.txt functions/requirements.txt stitcher_service/requirements.txt
FIREBASE := .local/node/node_modules/.bin/firebase
DEPLOYMENT = $(or $(if $(PROJECT),--project=$(PROJECT)),$(error PROJECT is missing: make $@ PROJECT=my-project)) \
	$(if $(REGION),--region=$(REGION)) $(if $(OPERATORS),--operators=$(OPERATORS)) $(if $(DRY_RUN),--dry-run)
SUDO = $(shell test "$$(id -u)" = 0 || echo sudo)

# Each part of the stack is its own process: without compiled files, half of every start would be compilation.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup emulator demo test test-unit test-e2e test-firebase check fmt up bench chaos browser \
	infra-test infra-inventory container-test bootstrap deploy smoke logs destroy audit docs lock clean

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 17

setup: $(INSTALLED) ## install everything into .venv (idempotent; demo, test and the others call it)

$(INSTALLED): tests/requirements.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "promptreel needs Python 3.11 or newer")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	sed -n '/^uv==/,/# via/p' tests/requirements.txt > $(VENV)/uv.txt # pip installs uv, uv installs the rest: ten times as fast
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.txt
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes tests/requirements.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

demo: setup emulator ## one film from examples/ (or DEMO_PROMPT="…") on a local stack, into out/demo/
	$(BIN)/python -m examples.demo

# More workers than processors, because whole films wait a third of their time; tests/conftest.py orders the modules.
test: setup browser ## the whole test suite
	$(BIN)/pytest -n 3 --dist loadscope --no-loadscope-reorder

test-unit: setup ## the tests that need no stack: seconds
	$(BIN)/pytest tests/unit

test-e2e: setup ## whole films on the local stack
	$(BIN)/pytest tests/e2e

test-firebase: setup $(FIREBASE) ## the store suites and a film on firebase-tools' emulators (fetches what is missing)
	EMULATORS=firebase $(BIN)/pytest tests/contract/ports tests/e2e/firebase_lane.py

browser:
	command -v chromium > /dev/null || { $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq --no-install-recommends chromium; }

$(FIREBASE): $(INSTALLED)
	$(BIN)/python -m localstack.fetch_emulator --firebase

emulator: setup ## fetch a Firestore emulator if this machine has none (demo and up call it)
	@$(BIN)/python -m localstack.fetch_emulator

check: setup ## lint, format, types, layers, links, locks, the workflow's own compiler
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tools.links
	$(BIN)/python -m localcloud workflows check workflows/film.yaml
	$(BIN)/python -m tools.terraform fmt -check -recursive infra
	$(BIN)/python -m tools.locks $(LOCKED) -- $(LOCK)

fmt: setup ## format, and fix what can be fixed automatically
	$(BIN)/ruff format
	$(BIN)/ruff check --fix
	$(BIN)/python -m tools.terraform fmt -recursive infra

up: setup emulator ## the local stack on fixed ports until Ctrl-C
	$(BIN)/python -m localcloud up --fixed-ports --state-file .local/state.json

bench: setup ## measured figures: makespan against the critical path, jobs in parallel, workflow steps a second, an idle stack, submissions, the cut, a grid of keyframes
	$(BIN)/python -m tests.bench.makespan
	$(BIN)/python -m tests.bench.workflows
	$(BIN)/python -m tests.bench.idle
	$(BIN)/python -m tests.bench.submissions
	$(BIN)/python -m tests.bench.cut
	$(BIN)/python -m tests.bench.grid

chaos: setup ## 40 films with 300 kills and every fault (SEED=…; about half an hour)
	$(BIN)/python -m tests.chaos $(if $(SEED),--seed $(SEED))

infra-test: setup ## test the Terraform configuration offline
	$(BIN)/pytest -n 2 --dist worksteal -p no:hypothesispytest tests/infra

infra-inventory: setup ## after an intended change: write the inventory of a plan and the table of variables
	$(BIN)/python -m tools.terraform.inventory

container-test: setup ## build both images without a Docker daemon, cut a film and start them (root, Debian)
	$(BIN)/python -m tools.container

bootstrap: setup ## prepare a project: state bucket, first APIs (PROJECT=…)
	$(BIN)/python -m infra.operate bootstrap $(DEPLOYMENT)

deploy: setup ## deploy promptreel to a Google Cloud project (PROJECT=…)
	$(BIN)/python -m infra.operate deploy $(DEPLOYMENT)

smoke: setup ## one real draft film, after a confirmation of its price (PROJECT=…)
	$(BIN)/python -m infra.operate smoke $(DEPLOYMENT)

logs: setup ## the log of JOB=… (PROJECT=…)
	$(BIN)/python -m infra.operate logs $(DEPLOYMENT) --job=$(JOB)

destroy: setup ## delete a deployment and its films (PROJECT=…)
	$(BIN)/python -m infra.operate destroy $(DEPLOYMENT)

audit: setup ## known vulnerabilities of the deployed packages (queries a public service)
	$(BIN)/uv tool run --from pip-audit pip-audit --strict --disable-pip --require-hashes \
		-r functions/requirements.txt -r stitcher_service/requirements.txt

docs: setup ## generate docs/states.md, docs/models.md and docs/styles.md from the code
	$(BIN)/python -m tools.docs

lock: setup ## compile the hash-locked requirements from pyproject.toml
	$(LOCK) --all-extras -o tests/requirements.txt
	$(LOCK) --extra functions -o functions/requirements.txt
	$(LOCK) --extra stitcher -o stitcher_service/requirements.txt

clean: ## remove all generated files, the virtual environment too
	rm -rf $(VENV) .local out .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
