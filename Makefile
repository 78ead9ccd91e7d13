# Every target does its own set-up on a fresh machine; set-up is quick when nothing changed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.setup-done
PEERS := .venv-peers
DOCS_STAMP := $(VENV)/.docs-done
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint .ci/constraints.txt

# Tests build their models on the spot; nothing may reach out for one.
export HF_HUB_OFFLINE := 1

.PHONY: setup demo test test-slow check bench bench-peers docs clean

setup: $(STAMP)

$(STAMP): pyproject.toml .ci/constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is not there. Name a Python of 3.11 or newer with PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.version_info < (3, 11) and sys.exit("Python 3.11 or newer is needed, found " + sys.version.split()[0] + ". Name one with PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(PIP) --editable '.[dev,train,sb3]'
	@touch $@

$(DOCS_STAMP): $(STAMP)
	$(PIP) --editable '.[docs]'
	@touch $@

demo: setup
	$(BIN)/python -m rao_train.demo --out runs/demo

test: setup
	$(BIN)/python -m pytest -m "not slow" --numprocesses 2

test-slow: setup
	$(BIN)/python -m pytest -m slow

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: setup
	$(BIN)/python -m pytest benchmarks/throughput --benchmark-only --benchmark-columns=min,median,mean,rounds

# The peers bring requirements of their own, so they get an environment of their own.
$(PEERS)/.setup-done: pyproject.toml .ci/constraints.txt | $(STAMP)
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --constraint .ci/constraints.txt --editable '.[peers]'
	@touch $@

bench-peers: $(PEERS)/.setup-done
	PYTHONPATH=tests $(PEERS)/bin/python -m benchmarks.peers

# The configuration lies beside the pages; MkDocs takes it from there only by way of its standard input.
docs: $(DOCS_STAMP)
	$(BIN)/mkdocs build --strict --config-file - < docs/mkdocs.yml

clean:
	rm -rf $(VENV) $(PEERS) runs site .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
