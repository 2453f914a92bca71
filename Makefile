# A fresh machine needs Python, pip, make and git; `make demo` and `make test` fetch the rest into .venv.

VENV := .venv
PYTHON := $(VENV)/bin/python
# The lock holds no torch: constraints.txt pins it, and a machine with a GPU wants another build.
PINNED := --constraint constraints.txt --constraint requirements.lock
UNLOCKED := ^(torch|torchvision|triton|nvidia-.*|cuda-.*|pip|setuptools|mrovseg)==

# Tests side by side; more than four processes would want much memory, as each starts a Ray of its own.
SIDE_BY_SIDE := --numprocesses=logical --maxprocesses=4 --maxschedchunk=1

# What is compiled once, tests with their asserts above all, is for every process that a test starts, and they are many.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo install install-pipeline lock format check test test-pipeline test-slow chaos bench

demo: install
	$(VENV)/bin/mrovseg demo

install: $(VENV)/installed

install-pipeline: .venv-pipeline/installed

# The stamp makes a second `make install` free; it is stale as soon as a pin changes.
$(VENV)/installed: pyproject.toml constraints.txt requirements.lock
	test -x $(PYTHON) || python3 -m venv $(VENV)
	$(PYTHON) -m pip install $(PINNED) --editable '.[all,dev,yardstick]'
	touch $@

# The newest versions that the ranges of pyproject.toml allow, tried together in an empty environment.
lock:
	rm -rf .venv-lock
	python3 -m venv .venv-lock
	.venv-lock/bin/python -m pip install --constraint constraints.txt --editable '.[all,dev,yardstick]'
	echo '# Made by `make lock`; without torch, see constraints.txt.' > requirements.lock
	.venv-lock/bin/python -m pip list --format=freeze | grep -vE '$(UNLOCKED)' >> requirements.lock
	rm -rf .venv-lock

format: install
	$(VENV)/bin/ruff format
	$(VENV)/bin/ruff check --fix

check: install
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/ruff check
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

# Each test once: the pipeline's own where torch does not exist.
test: install test-pipeline
	$(PYTHON) -m pytest $(SIDE_BY_SIDE) --ignore=pipeline --ignore=tests/pipeline

test-pipeline: install-pipeline
	! .venv-pipeline/bin/python -c 'import torch' 2> /dev/null
	.venv-pipeline/bin/python -m pytest $(SIDE_BY_SIDE) pipeline tests/pipeline

# A module's slow tests are of one process, so that a run which they all read is made once.
test-slow: install
	$(PYTHON) -m pytest $(SIDE_BY_SIDE) --dist=loadscope --no-loadscope-reorder -m slow --durations=20 tests

.venv-pipeline/installed: pyproject.toml requirements.lock
	test -x .venv-pipeline/bin/python || python3 -m venv .venv-pipeline
	.venv-pipeline/bin/python -m pip install --constraint requirements.lock --editable '.[pipeline,export,slides,dev]'
	touch $@

# Thirty runs on a cluster of three nodes, of each four processes or nodes are killed.
chaos: install
	$(PYTHON) -m tests.chaos --runs 30 --kills 4 --seed 1

bench: install
	for each in $(basename $(notdir $(filter-out %/__init__.py,$(wildcard tests/bench/*.py)))); do \
		$(PYTHON) -m tests.bench.$$each || exit 1; done
