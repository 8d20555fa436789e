# Start with `make demo`, `make up` or `make test`. Each target first installs what is missing.
.DEFAULT_GOAL := help
# test-kills takes 20 minutes, chaos an hour.
.PHONY: help docs bench-peers bench-large setup demo up test test-openapi test-fleet test-kills test-pages test-schedule test-typescript coverage mutate stateful chaos chaos-batch soak fuzz audit check format bench clean

# The service has a dozen processes. If Python may not cache compiled modules, each of them compiles every library again.
unexport PYTHONDONTWRITEBYTECODE

# Use the installed Python if it is supported; otherwise uv would download the one in .python-version, which is for editors.
export UV_PYTHON ?= $(shell python3 -c 'import sys; print(sys.executable if (3, 11) <= sys.version_info[:2] < (3, 14) else "3.11")' 2>/dev/null)

UV := $(or $(shell command -v uv),.uv/bin/uv)
RUN := .venv/bin
# Cache in the virtual environment; no check for newer versions.
DENO := DENO_DIR=.venv/deno DENO_NO_UPDATE_CHECK=1 $(RUN)/deno
# CUDA's libraries are 3 GB, so they are installed only if there is an NVIDIA GPU.
CARD ?= /dev/nvidiactl
EXTRAS := --all-extras $(if $(wildcard $(CARD)),,--no-extra gpu)
ARGS ?=

help: ## Show the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-10s %s\n", $$1, $$2}'

setup: .venv/.synced ## Install uv if missing, and the locked dependencies

demo: setup ## Start the service, analyse real photos through its API, show the results, stop
	@$(RUN)/emoscope demo $(ARGS)

up: setup ## Run the service on this machine until Ctrl-C
	@$(RUN)/emoscope up $(ARGS)

test: setup ## Run all tests, with real Valkey and PostgreSQL from wheels
	@$(RUN)/pytest -n 3 --dist loadscope --no-loadscope-reorder $(ARGS)

test-long: setup ## Run the tests that `make test` leaves out because they take long
	@$(RUN)/pytest --long -m long -n 2 --dist loadscope $(ARGS)

coverage: setup ## Show the lines and branches that no test of tests/unit runs, on SQLite only (ARGS="tests/unit/db")
	@rm -rf .coverage && mkdir .coverage
	@$(RUN)/coverage run -m pytest -q --quick -n 2 --dist loadscope $(or $(ARGS),tests/unit)
	@$(RUN)/coverage combine -q
	@$(RUN)/coverage report

test-typescript: setup ## Generate a TypeScript client (npm), compile it strictly, upload a photo with it
	@TEST_TYPESCRIPT=1 $(RUN)/pytest -q tests/clients $(ARGS)

test-openapi: setup ## Test every operation of the API with valid and invalid requests from its document, a hundred each
	@OPENAPI_EXAMPLES=100 $(RUN)/pytest -q -s tests/unit/api/core/test_openapi.py $(ARGS)

test-pages: setup ## Check every page against axe's rules with realistic data: wide, narrow, at 200 %, light and dark
	@TEST_PAGES=1 $(RUN)/pytest -q -s tests/browser/test_every_page.py $(ARGS)

test-schedule: setup ## Start training runs by a schedule of every minute, with only a CSV
	@TEST_SCHEDULE=1 $(RUN)/pytest -q tests/acceptance/test_csv_alone.py $(ARGS)

test-kills: setup ## Kill each program of a running stack, a hundred times in all
	@TEST_KILLS=100 $(RUN)/pytest -q -s tests/acceptance/test_kills.py $(ARGS)

mutate: setup ## Mutation testing: change single lines, and list the changes that no nearby test detects (ARGS="db/jobs --mutants 200 --seed 1")
	@$(RUN)/python -m tests.mutation $(ARGS)

stateful: setup ## Test many random sequences of actions on jobs, training runs and reviews
	@STATEFUL_EXAMPLES=200 STATEFUL_STEPS=60 $(RUN)/pytest -q tests/stateful $(ARGS)

test-fleet: setup ## Build the images, start the compose file on a real engine, kill, upgrade, back up, restore
	@$(RUN)/python -m tests.fleet.run $(ARGS)

fuzz: setup ## Send 20,000 damaged photos through decoder and service (ARGS="--mutants N --seed S")
	@$(RUN)/python -m tests.fuzz.run $(ARGS)

bench: setup ## Run the benches that need no dataset, in their short form
	@$(RUN)/python -m bench.run_all $(ARGS)

bench-peers: setup ## Install the packages that bench.analysis.peers compares with, isolated in .peers
	@$(UV) venv --quiet --allow-existing --python $(RUN)/python .peers/fer
	@$(UV) pip install --quiet --python .peers/fer/bin/python fer==25.10.3 || echo "fer can't be installed here"
	@npm install --silent --prefix .peers @vladmandic/face-api@1.7.15 @tensorflow/tfjs@4.22.0 @tensorflow/tfjs-backend-wasm@4.22.0 || echo "face-api can't be installed here"

bench-large: setup ## Measure with 100,000 jobs queued, and with ten million faces on PostgreSQL (16 GB of disk)
	@$(RUN)/python -m bench.service.backlog --waiting 100000
	@$(RUN)/python -m bench.growth --many 10000000 --database postgresql $(ARGS)

chaos: setup ## Inject faults into a running stack while a thousand photos arrive: four seeds on each database
	$(RUN)/python -m tests.chaos --database sqlite --shape up --seed 1 2 3 4 $(ARGS)
	$(RUN)/python -m tests.chaos --database postgresql --shape apart --seed 1 2 3 4 $(ARGS)

chaos-batch: setup ## Fill a batch with 10,000 photos while processes are killed (ARGS="--photos N --seed S --database postgresql")
	@$(RUN)/python -m tests.chaos.batch $(ARGS)

soak: setup ## Analyse 10,000 different photos, and report whether any process grows (ARGS="--photos N")
	@$(RUN)/python -m tests.soak $(ARGS)

audit: setup ## Check the packages for known vulnerabilities and their licences
	@$(RUN)/python -m tests.docs.licences >/dev/null
	@$(RUN)/python -m tests.docs.audit $(UV)

check: setup ## Lint, format and types of Python, scripts and templates; import rules, links in the documentation, consistency of the container files
	$(RUN)/ruff check
	$(RUN)/ruff format --check
	$(DENO) lint --quiet
	$(DENO) fmt --quiet --check
	$(DENO) check --quiet api/static/pages/*.js
	$(RUN)/djangofmt check api/templates
	$(RUN)/djangofmt --check api/templates
	$(RUN)/mypy
	$(RUN)/lint-imports
	$(RUN)/zensical build --strict
	$(RUN)/pytest -q tests/docs/test_compose.py tests/docs/test_kubernetes.py

docs: setup ## Build the documentation site in site/
	$(RUN)/zensical build --strict

format: setup ## Apply automatic fixes of lint and format
	$(RUN)/ruff check --fix
	$(RUN)/ruff format
	$(DENO) lint --quiet --fix
	$(DENO) fmt --quiet
	$(RUN)/djangofmt check --fix api/templates
	$(RUN)/djangofmt api/templates

clean: ## Remove what setup installed
	rm -rf .venv .uv

.uv/bin/uv:
	@echo "· installing uv (only here, in .uv)"
	@sh scripts/install_uv.sh

.venv/.synced: pyproject.toml client/pyproject.toml uv.lock $(filter .uv/bin/uv,$(UV))
	@echo "· installing the locked dependencies (the first time, $(if $(wildcard $(CARD)),4,1.2) GB to download)"
	@$(UV) sync --frozen $(EXTRAS) || { \
	  echo "Error: the dependencies could not be installed. Is the package index reachable, and is there disk space?" >&2; exit 1; }
	@touch $@
