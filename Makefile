# A fresh machine needs Python, pip, make and git; `make demo` and `make test` fetch the rest into .venv.

VENV := .venv
PYTHON := $(VENV)/bin/python
# The lock holds no torch: constraints.txt pins it, and a machine with a GPU wants another build.
PINNED := --constraint constraints.txt --constraint requirements.lock
UNLOCKED := ^(torch|torchvision|triton|nvidia-.*|cuda-.*|pip|setuptools|mrovseg)==

# Tests side by side; more than four processes would want much memory, as each starts a Ray of its own. A module's tests
# are of one process, so that a run which they all read is made once.
SIDE_BY_SIDE := --numprocesses=logical --maxprocesses=4 --dist=loadscope --no-loadscope-reorder

# Where this is set, each of the many processes that tests start would compile every module again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo install install-pipeline install-clients lock format check test test-pipeline test-slow chaos bench

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

test-slow: install
	$(PYTHON) -m pytest $(SIDE_BY_SIDE) -m slow --durations=20 tests

.venv-pipeline/installed: pyproject.toml requirements.lock
	test -x .venv-pipeline/bin/python || python3 -m venv .venv-pipeline
	.venv-pipeline/bin/python -m pip install --constraint requirements.lock --editable '.[pipeline,export,slides,dev]'
	touch $@

# Other people's readers of mask stores, for the slow tests: some are only there for a newer Python, some for browsers.
CLIENTS := .venv-clients
CLIENT_SOURCES := tests/clients/openlayers
# The first that runs: a shim of pyenv may be found and then refuse.
PYTHON312 = $(shell for each in python3.12 $$(pyenv root 2> /dev/null)/versions/3.12*/bin/python3.12; do \
	$$each -c pass 2> /dev/null && echo $$each && break; done)

install-clients:
	if [ -n '$(PYTHON312)' ] && npm --version > /dev/null; then $(MAKE) $(CLIENTS)/installed; else \
		echo 'There is no Python 3.12 or no npm here: tests of clients that need them will be skipped.'; fi

$(CLIENTS)/installed: tests/clients/requirements.txt $(CLIENT_SOURCES)/package-lock.json $(CLIENT_SOURCES)/unpack.mjs
	test -x $(CLIENTS)/bin/python || $(PYTHON312) -m venv $(CLIENTS)
	$(CLIENTS)/bin/python -m pip install --no-deps --no-compile --requirement $<
	mkdir -p $(CLIENTS)/openlayers/chromium
	cp $(CLIENT_SOURCES)/package*.json $(CLIENT_SOURCES)/.npmrc $(CLIENT_SOURCES)/unpack.mjs $(CLIENTS)/openlayers
	cd $(CLIENTS)/openlayers && npm ci --ignore-scripts && node unpack.mjs
	touch $@

# Thirty runs on a cluster of three nodes, of each four processes or nodes are killed.
chaos: install
	$(PYTHON) -m tests.chaos --runs 30 --kills 4 --seed 1

bench: install
	for each in $(subst /,.,$(basename $(filter-out %/__init__.py,$(wildcard tests/bench/*.py tests/bench/*/*.py)))); do \
		$(PYTHON) -m $$each || exit 1; done
