# Each target is one line of real work; the logic is in the packages.
SHELL := /bin/bash
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
# What a target prints may be meant for a pipe: its own command is not.
.SILENT:
PY := .venv/bin/python
NO_PYTHON = $(error python3 is not on PATH: `sudo apt-get install python3 python3-venv` (Debian and Ubuntu) installs it)
BOOTSTRAP = $(or $(shell command -v python3),$(NO_PYTHON)) toolchain/bootstrap.py
STACK ?= dev

.PHONY: help pictures up lab status down test lint render bench soak toolchain tests-toolchain

help: ## these lines
	grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /make \1\t/' | expand -t 18

# Two stamps of one environment: what the project and its lab run with, and what tests and linters need besides.
.venv/lab: pyproject.toml requirements.txt
	$(BOOTSTRAP) lab

.venv/ready: pyproject.toml requirements.txt
	$(BOOTSTRAP) dev

toolchain: .venv/lab ## the programs that are missing, built once into the cache
	$(PY) -m toolchain

tests-toolchain: .venv/ready
	$(PY) -m toolchain --tests

lab: toolchain ## only the lab, for an own `pulumi up --stack dev` or kubectl
	$(PY) -m lab up --stack $(STACK)

up: lab ## the lab, `pulumi up` of stack dev on it, then its status tree until all is True
	. .lab/env && $(PY) -m kamaji_equinix.automation up --stack $(STACK) --log .lab/logs/up.log

status: .venv/lab ## the status tree of the stack's clusters
	$(PY) -m lab status --crashed; if [ -f .lab/env ]; then . .lab/env; fi && $(PY) -m kamaji_equinix.automation status --stack $(STACK)

down: .venv/lab ## `pulumi destroy` of stack dev, then the lab stops; nothing stays behind
	if [ -d .lab/pulumi/.pulumi/stacks ]; then $(PY) -m lab up && . .lab/env && $(PY) -m kamaji_equinix.automation destroy --yes --stack $(STACK) --log .lab/logs/down.log; fi && $(PY) -m lab down

render: .venv/lab ## the manifests of a stack as YAML, without engine or cluster
	$(PY) -m kamaji_equinix.components.render --stack $(STACK)

lint: .venv/ready ## ruff, strict mypy, and the direction of imports
	.venv/bin/ruff check . && .venv/bin/ruff format --check . && MYPYPATH=.venv/typing .venv/bin/mypy -p kamaji_equinix.components -p kamaji_equinix.automation -p lab -p toolchain -p bench && PYTHONPATH=.venv/typing .venv/bin/lint-imports --no-logo

test: lint tests-toolchain ## every test tier; the lab's beside the others
	$(PY) -m pytest -q -n 4 --no-loadscope-reorder --durations 10

bench: tests-toolchain ## the measurements, as a table and JSON
	$(PY) -m bench

# The page about the first cluster from code and its example are of the default contract.
soak: tests-toolchain ## the long repetitions: kills, fleets, the lab on the second generation and on its way there
	$(PY) -m pytest -q tests/soak tests/lab_generations && KAMAJI_EQUINIX_TEST_CONTRACT=v1beta2 $(PY) -m pytest -q tests/lab --ignore tests/lab/test_from_code.py

pictures: lab ## the README's pictures anew, from a real run of stack dev on the lab
	. .lab/env && $(PY) -m bench.pictures
