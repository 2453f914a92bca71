# A fresh machine needs Python, pip, make and git; `make demo` and `make test` fetch the rest into .venv.

VENV := .venv
PYTHON := $(VENV)/bin/python
# The lock holds no torch: constraints.txt pins it, and a machine with a GPU wants another build.
PINNED := --constraint constraints.txt --constraint requirements.lock
UNLOCKED := ^(torch|torchvision|triton|nvidia-.*|cuda-.*|pip|setuptools|mrovseg)==

.PHONY: demo install lock format check test test-slow test-no-torch ci chaos bench
.PHONY: test-jobs-model test-slow-model test-slow-flow

demo: install
	$(VENV)/bin/mrovseg demo

install: $(VENV)/installed

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

test: install
	$(PYTHON) -m pytest

test-slow: install
	$(PYTHON) -m pytest -m slow

# The pipeline's own tests where torch does not exist.
test-no-torch: .venv-pipeline/installed
	! .venv-pipeline/bin/python -c 'import torch' 2> /dev/null
	.venv-pipeline/bin/python -m pytest pipeline tests/pipeline

.venv-pipeline/installed: pyproject.toml requirements.lock
	test -x .venv-pipeline/bin/python || python3 -m venv .venv-pipeline
	.venv-pipeline/bin/python -m pip install --constraint requirements.lock --editable '.[pipeline,slides,dev]'
	touch $@

# Each test once: those of `test` that are the pipeline's own run without torch, and two parts at a time, as most of a
# run of Ray is waiting.
ci: install .venv-pipeline/installed
	$(MAKE) --jobs=2 --output-sync=line check test-no-torch
	$(MAKE) test-jobs-model
	$(MAKE) --jobs=2 --output-sync=line test-slow-model test-slow-flow

test-jobs-model: install
	$(PYTHON) -m pytest mrovseg jobs tests --ignore=tests/pipeline

test-slow-model: install
	$(PYTHON) -m pytest -m slow mrovseg tests/mrovseg tests/yardstick

test-slow-flow: install
	$(PYTHON) -m pytest -m slow pipeline jobs tests --ignore=tests/mrovseg --ignore=tests/yardstick

# Thirty runs on a cluster of three nodes, of each four processes or nodes are killed.
chaos: install
	$(PYTHON) -m tests.chaos --runs 30 --kills 4 --seed 1

bench: install
	for each in $(basename $(notdir $(filter-out %/__init__.py,$(wildcard tests/bench/*.py)))); do \
		$(PYTHON) -m tests.bench.$$each || exit 1; done
