# Each target is one line of real work; the logic is in the packages.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PY := .venv/bin/python
STACK ?= dev

.PHONY: help up lab status down test lint render bench soak toolchain

help: ## these lines
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /make \1\t/' | expand -t 18

.venv/ready: pyproject.toml requirements.txt
	python3 -m venv .venv && .venv/bin/pip install --quiet --disable-pip-version-check -e '.[dev]'
	mkdir -p .venv/typing/kamaji_equinix && ln -sfn ../../../components .venv/typing/kamaji_equinix/components && ln -sfn ../../../automation .venv/typing/kamaji_equinix/automation
	touch $@

toolchain: .venv/ready ## the programs that are missing, built once into the cache
	$(PY) -m toolchain

lab: toolchain ## only the lab, for an own `pulumi up --stack dev` or kubectl
	$(PY) -m lab up

up: lab ## the lab, `pulumi up` of stack dev on it, then its status tree until all is True
	. .lab/env && $(PY) -m kamaji_equinix.automation up --stack $(STACK) --log .lab/logs/up.log

status: .venv/ready ## the status tree of the stack's clusters
	$(PY) -m lab status --crashed; if [ -f .lab/env ]; then . .lab/env; fi && $(PY) -m kamaji_equinix.automation status --stack $(STACK)

down: .venv/ready ## `pulumi destroy` of stack dev, then the lab stops; nothing stays behind
	if [ -d .lab/pulumi/.pulumi/stacks ]; then $(PY) -m lab up && . .lab/env && $(PY) -m kamaji_equinix.automation destroy --stack $(STACK) --log .lab/logs/down.log; fi && $(PY) -m lab down

render: .venv/ready ## the manifests of a stack as YAML, without engine or cluster
	$(PY) -m kamaji_equinix.components.render --stack $(STACK)

lint: .venv/ready ## ruff, strict mypy, and the direction of imports
	.venv/bin/ruff check . && .venv/bin/ruff format --check . && MYPYPATH=.venv/typing .venv/bin/mypy -p kamaji_equinix.components -p kamaji_equinix.automation -p lab -p toolchain -p bench && PYTHONPATH=.venv/typing .venv/bin/lint-imports --no-logo

test: lint toolchain ## every test tier; the lab's beside the others
	$(PY) -m pytest -q -n 3 --no-loadscope-reorder --durations 10

bench: toolchain ## the measurements, as a table and JSON
	$(PY) -m bench

soak: toolchain ## the long repetitions: kills, fleets
	$(PY) -m pytest -q tests/soak
