# Each target sets up what it needs in .venv, once, and again when pyproject.toml has changed.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
WORKERS ?= 2
PYTEST = $(BIN)/pytest -n $(WORKERS)
CODE := snnhw gateware golden tests tools

# The generated Verilog must not depend on which yosys a machine has.
export AMARANTH_USE_YOSYS := builtin

.DEFAULT_GOAL := help
.PHONY: help demo test quick long coverage lint types unit format clean

help:  ## show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## */\t/' | expand -t 10

demo: $(VENV)/.base  ## a trained network to Verilog, simulated and found equal: under 3 minutes, installation included
	$(BIN)/snnhw demo

test: lint types unit  ## lint, check types, run every test that is not long: 8 to 15 minutes, once installed

quick: lint types  ## lint, check types, run the tests that are neither long nor slow: 2 to 4 minutes, once installed
	$(PYTEST) -m "not long and not slow"

# Two minutes, each with cases of its own; what fails says its seed, and is kept below build.
long: $(VENV)/.dev  ## the tests that are long, then a minute of soak and one of damaged files
	$(PYTEST) -m long
	$(BIN)/python -m tests.soak --minutes 1
	$(BIN)/python -m tests.fuzz --minutes 1

coverage: $(VENV)/.dev  ## the lines that `make test` runs, counted: build/coverage/index.html
	$(PYTEST) --cov --cov-report=html --cov-report=term:skip-covered

lint: $(VENV)/.dev  ## ruff, for errors and for format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev  ## mypy
	$(BIN)/mypy

unit: $(VENV)/.dev  ## every test that is not long, on WORKERS processes (2)
	$(PYTEST)

format: $(VENV)/.dev  ## put the code into the format that lint checks
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## remove .venv and the caches of the tools
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.base: pyproject.toml | $(BIN)/python
	$(PIP) --editable .
	touch $@

# One command, so that the exact torch of pyproject.toml binds whatever else asks for one.
$(VENV)/.dev: pyproject.toml | $(BIN)/python
	$(PIP) --editable '.[dev]'
	touch $@ $(VENV)/.base
