# Everything a newcomer needs: `make demo`, `make up`, `make test`. Each sets up what is missing first.
.DEFAULT_GOAL := help
# test-kills takes 20 minutes, chaos an hour.
.PHONY: help docs bench-peers bench-large setup demo up test test-openapi test-fleet test-kills test-pages test-schedule test-typescript coverage mutate stateful chaos chaos-batch soak fuzz audit check format bench clean

# The service is a dozen processes; where Python may not keep its compiled modules, each of them compiles every library anew.
unexport PYTHONDONTWRITEBYTECODE

# The Python at hand, where it will do: .python-version names one for editors, and uv would download it.
export UV_PYTHON ?= $(shell python3 -c 'import sys; print(sys.executable if (3, 11) <= sys.version_info[:2] < (3, 14) else "3.11")' 2>/dev/null)

UV := $(or $(shell command -v uv),.uv/bin/uv)
RUN := .venv/bin
# CUDA's libraries are 3 GB, so only where there is an NVIDIA card.
CARD ?= /dev/nvidiactl
EXTRAS := --all-extras $(if $(wildcard $(CARD)),,--no-extra gpu)
ARGS ?=

help: ## Show the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-10s %s\n", $$1, $$2}'

setup: .venv/.synced ## Install uv where missing, and the locked dependencies

demo: setup ## Start the service, analyse real photos through its API, show the result, stop
	@$(RUN)/emoscope demo $(ARGS)

up: setup ## Run the service on this machine until Ctrl-C
	@$(RUN)/emoscope up $(ARGS)

test: setup ## Run all tests, with real Valkey and PostgreSQL from wheels
	@$(RUN)/pytest -n 3 --dist loadscope --no-loadscope-reorder $(ARGS)

test-long: setup ## Run the tests that `make test` leaves out because they take long
	@$(RUN)/pytest --long -m long -n 2 --dist loadscope $(ARGS)

coverage: setup ## Show the lines and branches that no test of tests/unit runs, on SQLite alone (ARGS="tests/unit/db")
	@rm -rf .coverage && mkdir .coverage
	@$(RUN)/coverage run -m pytest -q --quick -n 2 --dist loadscope $(or $(ARGS),tests/unit)
	@$(RUN)/coverage combine -q
	@$(RUN)/coverage report

test-typescript: setup ## Generate a TypeScript client (npm), compile it strictly, upload a photo with it
	@TEST_TYPESCRIPT=1 $(RUN)/pytest -q tests/clients $(ARGS)

test-openapi: setup ## Ask every call of the API for what its document allows and doesn't, a hundred times each
	@OPENAPI_EXAMPLES=100 $(RUN)/pytest -q -s tests/unit/api/core/test_openapi.py $(ARGS)

test-pages: setup ## Check every page with realistic data by axe's rules: wide, narrow, at 200 %, light and dark
	@TEST_PAGES=1 $(RUN)/pytest -q -s tests/browser/test_every_page.py $(ARGS)

test-schedule: setup ## Start training runs by a schedule of every minute, with a CSV alone
	@TEST_SCHEDULE=1 $(RUN)/pytest -q tests/acceptance/test_csv_alone.py $(ARGS)

test-kills: setup ## Kill each program of a running stack, a hundred times in all
	@TEST_KILLS=100 $(RUN)/pytest -q -s tests/acceptance/test_kills.py $(ARGS)

mutate: setup ## Change single lines of the code, and list the changes that no near test notices (ARGS="db/jobs --mutants 200 --seed 1")
	@$(RUN)/python -m tests.mutation $(ARGS)

stateful: setup ## Random sequences of moves of jobs, training runs and reviews, many of them
	@STATEFUL_EXAMPLES=200 STATEFUL_STEPS=60 $(RUN)/pytest -q tests/stateful $(ARGS)

test-fleet: setup ## Build the images, start the compose file on a real engine, kill, upgrade, back up, restore
	@$(RUN)/python -m tests.fleet.run $(ARGS)

fuzz: setup ## Send 20,000 damaged photos through decoder and service (ARGS="--mutants N --seed S")
	@$(RUN)/python -m tests.fuzz.run $(ARGS)

bench: setup ## Run the benches that need no data set, in their short form
	@$(RUN)/python -m bench.run_all $(ARGS)

bench-peers: setup ## Install the packages that bench.analysis.peers compares with, each apart from ours, in .peers
	@$(UV) venv --quiet --allow-existing --python $(RUN)/python .peers/fer
	@$(UV) pip install --quiet --python .peers/fer/bin/python fer==25.10.3 || echo "fer can't be installed here"
	@npm install --silent --prefix .peers @vladmandic/face-api@1.7.15 @tensorflow/tfjs@4.22.0 @tensorflow/tfjs-backend-wasm@4.22.0 || echo "face-api can't be installed here"

bench-large: setup ## What a submission, a sweep and /metrics cost while 100,000 jobs wait
	@$(RUN)/python -m bench.service.backlog --waiting 100000 $(ARGS)

chaos: setup ## Do faults to a running stack while a thousand photos come in: four seeds on each database
	$(RUN)/python -m tests.chaos --database sqlite --shape up --seed 1 2 3 4 $(ARGS)
	$(RUN)/python -m tests.chaos --database postgresql --shape apart --seed 1 2 3 4 $(ARGS)

chaos-batch: setup ## Fill a batch with 10,000 photos while programs are killed (ARGS="--photos N --seed S --database postgresql")
	@$(RUN)/python -m tests.chaos.batch $(ARGS)

soak: setup ## Have 10,000 different photos analysed, and tell whether any process grows (ARGS="--photos N")
	@$(RUN)/python -m tests.soak $(ARGS)

audit: setup ## Known vulnerabilities and the licences of the packages
	@$(RUN)/python -m tests.docs.licences >/dev/null
	@$(RUN)/python -m tests.docs.audit $(UV)

check: setup ## Lint, format, types, import rules, links of the documentation, and that the files for containers fit together
	$(RUN)/ruff check
	$(RUN)/ruff format --check
	$(RUN)/mypy
	$(RUN)/lint-imports
	$(RUN)/zensical build --strict
	$(RUN)/pytest -q tests/docs/test_compose.py tests/docs/test_kubernetes.py

docs: setup ## Build the documentation site in site/
	$(RUN)/zensical build --strict

format: setup ## Mend what lint and format can mend by themselves
	$(RUN)/ruff check --fix
	$(RUN)/ruff format

clean: ## Remove what setup made
	rm -rf .venv .uv

.uv/bin/uv:
	@echo "· installing uv (only here, in .uv)"
	@sh scripts/install_uv.sh

.venv/.synced: pyproject.toml client/pyproject.toml uv.lock $(filter .uv/bin/uv,$(UV))
	@echo "· installing the locked dependencies (the first time, $(if $(wildcard $(CARD)),4,1.2) GB to download)"
	@$(UV) sync --frozen $(EXTRAS) || { \
	  echo "Error: the dependencies could not be installed. Is the package index reachable, and is there disk space?" >&2; exit 1; }
	@touch $@
