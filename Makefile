# Kabinet. `make` alone lists the targets.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8080
KAFKA_PORT ?= 9092
PROFILE_TOOLS := $(if $(filter kafka,$(PROFILE)),kafka-tools)
PROFILE ?= embedded
DATA ?= $(if $(filter kafka,$(PROFILE)),.data-kafka,.data)
export KABINET_PROFILE := $(PROFILE)
MEMBERS := $(wildcard libs/*/pyproject.toml services/*/pyproject.toml deploy/*/pyproject.toml) contracts/pyproject.toml e2e/pyproject.toml
UV_VERSION := $(shell sed -n 's/^uv==\([0-9.]*\).*/\1/p' requirements.lock)

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  \033[1m%-18s\033[0m %s\n", $$1, $$2}'

.PHONY: setup
setup: $(VENV)/.ready ## Make the virtual environment with every pinned package

$(VENV)/.ready: requirements.lock $(MEMBERS)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation $(foreach m,$(MEMBERS),-e ./$(dir $(m)))
	@touch $@

.PHONY: run
run: setup $(PROFILE_TOOLS) ## Run the whole suite here (PORT=8080, DATA=.data, PROFILE=embedded or kafka); Ctrl-C stops it
	@$(BIN)/python -m embedded up --port $(PORT) --data $(DATA)

.PHONY: demo
demo: setup $(PROFILE_TOOLS) ## Watch a patient book, pay, meet a doctor and receive a signed conclusion
	@$(BIN)/python -m journeys demo --port $(PORT) --data $(DATA)

.PHONY: trace
trace: setup $(PROFILE_TOOLS) ## Print the trace of one booking as a tree (PROFILE=embedded or kafka)
	@$(BIN)/python -m journeys trace

.PHONY: stop
stop: setup ## Stop the suite that runs on DATA
	@$(BIN)/python -m embedded down --data $(DATA)

COMPOSE = PORT=$(PORT) KABINET_REVISION=$$(git rev-parse HEAD 2>/dev/null || echo unknown) docker compose --file docker-compose.yml \
  $(if $(CLOCK),--file deploy/compose/clock.yml)

.PHONY: up
up: ## Run the scaled-out suite in containers (STORE=kurrentdb or postgres, CLOCK=virtual)
	@STORE=$(STORE) deploy/compose/secrets.sh && install -d -m 0777 build/clock
	@$(COMPOSE) up --detach --build --wait --wait-timeout 300
	@echo "API http://localhost:$(PORT)/docs  payments :8081  letters :8082  dashboards :3000 (admin, GRAFANA_PASSWORD of .env)"

.PHONY: down
down: ## Stop the containers; DATA=gone also removes their volumes
	@$(COMPOSE) down --timeout 30 $(if $(filter gone,$(DATA)),--volumes)

.PHONY: up-offline
up-offline: setup kafka-tools ## The same without an image registry, on Debian as root, and the demo through it
	@deploy/offline/up.sh

.PHONY: down-offline
down-offline: ## Stop what up-offline started; DATA=gone also removes the volumes
	@DATA=$(DATA) deploy/offline/down.sh

.PHONY: check
check: setup format-check lint types arch contracts-check unit ## What one runs before every commit

.PHONY: format
format: setup ## Format the code
	@$(BIN)/ruff format -q . && $(BIN)/ruff check -q --fix --select I .

.PHONY: format-check
format-check: setup
	@$(BIN)/ruff format --check -q .

.PHONY: lint
lint: setup ## Lint
	@$(BIN)/ruff check -q .

.PHONY: types
types: setup ## Check types, strictly
	@$(BIN)/mypy $(wildcard libs/*/src services/*/src deploy/*/src) contracts/src e2e tools conftest.py
	@# One call for each, since several have a module of the same name, as conftest.
	@for tests in $(wildcard libs/*/tests services/*/tests deploy/*/tests) tests; do \
	  MYPYPATH=tests/deploy $(BIN)/mypy --no-error-summary $$tests || exit 1; \
	done

.PHONY: arch
arch: setup ## Check who imports whom
	@$(BIN)/lint-imports --no-logo --no-cache

.PHONY: unit
unit: setup ## Tests that need nothing but Python
	@$(BIN)/pytest -q -n auto --dist loadfile -m "not integration and not e2e"

.PHONY: kafka-tools
kafka-tools: # what embedded.kafka starts brokers with
	@command -v java >/dev/null && command -v mvn >/dev/null || \
	  (S=$$(test "$$(id -u)" = 0 || echo sudo); $$S apt-get update -qq && \
	   $$S apt-get install -y -qq --no-install-recommends default-jdk-headless maven >/dev/null)

.PHONY: kafka
kafka: setup kafka-tools ## Run a broker of Apache Kafka by itself (KAFKA_PORT=9092, kept in .data-broker); Ctrl-C stops it
	@$(BIN)/python -m embedded kafka --port $(KAFKA_PORT) --data .data-broker

.PHONY: test-tools
test-tools: kafka-tools
	@# RUNLEVEL: Debian's prometheus brings promtool, and must not start as a server here.
	@command -v pdfsig >/dev/null && command -v certutil >/dev/null && command -v promtool >/dev/null && \
	  command -v chromium >/dev/null || \
	  (S=$$(test "$$(id -u)" = 0 || echo sudo); $$S apt-get update -qq && \
	   $$S env RUNLEVEL=1 apt-get install -y -qq --no-install-recommends poppler-utils libnss3-tools prometheus chromium >/dev/null)

.PHONY: test
test: setup test-tools format-check lint types arch contracts-check ## Everything: checks, unit, integration and journeys
	@$(BIN)/pytest -q -n auto --dist loadfile -m "not e2e"
	@$(BIN)/pytest -q -m "e2e and not chaos"

.PHONY: test-chaos
test-chaos: setup ## Twenty journeys while processes are killed at random
	@$(BIN)/pytest -q -m chaos

.PHONY: test-integration
test-integration: setup test-tools ## Tests against the real PostgreSQL, SMTP server and PDF tools
	@$(BIN)/pytest -q -m integration

.PHONY: e2e
e2e: setup test-tools ## Journeys across all services
	@$(BIN)/pytest -q -m e2e

.PHONY: contracts
contracts: setup ## Generate schemas, OpenAPI, AsyncAPI, access tables and the catalogue
	@$(BIN)/python tools/generate_contracts.py

.PHONY: contracts-check
contracts-check: setup
	@$(BIN)/python tools/generate_contracts.py --check

.PHONY: dashboards
dashboards: setup ## Generate Grafana's dashboards
	@$(BIN)/python tools/generate_dashboards.py

.PHONY: bench
bench: setup ## Measure speed against floors in the same run; writes build/bench.json
	@$(BIN)/python tools/bench

.PHONY: chaos
chaos: setup ## Kill services while journeys run, then verify the whole log (bounded)
	@$(BIN)/python -m journeys chaos --data $(DATA)-chaos

.PHONY: lock
lock: setup ## Pin dependencies anew, with hashes
	@$(BIN)/uv pip compile --group test pyproject.toml --generate-hashes --no-emit-index-url --no-header -q -o requirements.lock

.PHONY: clean
clean: ## Remove what was built here (not the data)
	@rm -rf $(VENV) build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
