# Each target sets up what it needs in .venv, once, and again when pyproject.toml has changed.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
WORKERS ?= 2
CODE := snnhw gateware golden tests tools

# The generated Verilog must not depend on which yosys a machine has.
export AMARANTH_USE_YOSYS := builtin

.DEFAULT_GOAL := help
.PHONY: help demo test lint types unit format clean

help:  ## show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## */\t/' | expand -t 10

demo: $(VENV)/.base  ## a trained network to Verilog, simulated and found equal: under 3 minutes, installation included
	$(BIN)/snnhw demo

test: lint types unit  ## lint, check types, run every test: about 15 minutes, installation included

lint: $(VENV)/.dev  ## ruff, for errors and for format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev  ## mypy
	$(BIN)/mypy

unit: $(VENV)/.dev  ## every test, on WORKERS processes (2)
	$(BIN)/pytest -n $(WORKERS)

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
