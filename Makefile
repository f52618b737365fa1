# VORI. `make` lists the targets; each does the set-up it needs.

PYTHON ?= python3
BIN    := .venv/bin
READY  := .venv/.ready

.DEFAULT_GOAL := help
.PHONY: help setup kafka kafka-broker spark-kafka page run demo test check audit format bench soak demo-model demo-model-figures ticket-reader lock

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-19s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## Put everything into .venv, and build the page where Node is there
	@$(BIN)/python tools/build_page.py --if-possible

$(READY): requirements.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "VORI needs Python 3.11 or newer; set PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

page: $(READY) ## Build the page (Node 20.19 or newer)
	$(BIN)/python tools/build_page.py

run: setup ## Start VORI for yourself: http://127.0.0.1:8700, everyone is the admin of group 1
	$(BIN)/vori serve --dev

demo: setup ## Play the bundled meeting through a real server and show what comes of it
	$(BIN)/vori demo

test: setup ## Run the tests, in as many processes as there are cores (at most 4); nothing needs to be running
	$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

check: setup ## Format, lint, strict types, import arrows; the page's, too, where it was built
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	if [ -d web/node_modules ]; then npm --silent --prefix web run lint && npm --silent --prefix web test; fi

audit: setup ## Look at what VORI is built of: hashes, versions, licences, known flaws
	$(BIN)/python tools/audit.py

format: setup ## Format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup ## Measure: start-up, memory, caption delay, events
	$(BIN)/vori bench all

kafka: kafka-broker ## Run a real Kafka on 127.0.0.1:9092, to try VORI with it (Java 17, Maven)
	$(BIN)/python tools/kafka/broker.py

kafka-broker: $(READY) ## Put that Kafka in place, for `make kafka` and for tests
	$(BIN)/python tools/kafka/broker.py --resolve

spark-kafka: ## Put Spark's Kafka connector in tools/spark/target/jars, for spark.jars and for tests
	mvn -q -B -f tools/spark/pom.xml dependency:copy-dependencies

soak: setup ## Hold meetings for two hours (SOAK_MINUTES): does anything grow, is anything lost?
	$(BIN)/python -m benchmarks.soak --minutes $(or $(SOAK_MINUTES),120)

demo-model: ## Make the demo model anew: sentences, voices, training, export (hours)
	$(PYTHON) tools/demo_model/make.py all

ticket-reader: setup ## Learn anew to tell work from talk (tools/ticket_reader; some minutes)
	$(BIN)/python -m tools.ticket_reader.train_worth

demo-model-figures: ## Print the figures of the demo model's card
	$(PYTHON) tools/demo_model/make.py figures

lock: setup ## Write requirements.txt anew from pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --all-extras --group dev --output-file requirements.txt pyproject.toml
