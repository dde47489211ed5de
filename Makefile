# `make demo` and `make test` do all the set-up. They need only Python and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The exact versions that are tested; pip reads the variable, so the build environment obeys too.
export PIP_CONSTRAINT := constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export NO_MKDOCS_2_WARNING := 1
PIP := $(BIN)/python -m pip install --quiet
# A worker for each core; more than four would run out of memory on small machines.
PYTEST := $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadgroup

.PHONY: demo test check lint types contracts tests docs dist bench test-x86-bundle test-arm64 test-container clean

demo: $(VENV)/.runtime  ## scan samples/ with the embedded model into demo/report.csv
	@rm -rf demo && mkdir demo
	@$(BIN)/cxr scan samples --runtime onnx --out demo/report.csv; code=$$?; \
	if [ $$code -ne 3 ]; then echo "expected exit code 3 (two samples are bad), got $$code"; exit 1; fi

test: lint types contracts tests  ## everything that CI checks of the code, with coverage

check: lint types contracts  ## the inner loop: all but the tests that are slow or need real images
	$(PYTEST) -q -m "not slow and not data"

lint: $(VENV)/.dev
	$(BIN)/ruff check --no-cache .
	$(BIN)/ruff format --no-cache --check .

types: $(VENV)/.dev
	$(BIN)/mypy

contracts: $(VENV)/.dev
	$(BIN)/lint-imports --no-cache

tests: $(VENV)/.dev
	$(PYTEST) --cov --cov-report=term:skip-covered

docs: $(VENV)/.dev  ## the site, in build/site; a link that leads nowhere is an error
	$(BIN)/mkdocs build --strict --quiet

dist: $(VENV)/.dev  ## the wheel and the source distribution, in dist/
	rm -rf dist
	$(BIN)/python -m build --outdir dist
	$(BIN)/twine check --strict dist/*
	$(BIN)/python .ci/wheel_size.py dist/*.whl

bench: $(VENV)/.dev  ## start-up and time per image as ratios; never part of the tests
	$(BIN)/python bench/startup.py
	$(BIN)/python bench/latency.py

test-x86-bundle: $(VENV)/.dev  ## a bundle, installed without a network, scans the samples
	PATH=$(abspath $(BIN)):$$PATH scripts/x86_bundle.sh

test-arm64: $(VENV)/.dev  ## the same for aarch64, emulated; reports equal those of this machine
	PATH=$(abspath $(BIN)):$$PATH scripts/arm64.sh

test-container:  ## the container, with podman: what it may write, a scan, a watch and its health
	scripts/container.sh

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "cxr-edge needs Python 3.11 or newer, this is " + sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable .
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable '.[dev]'
	@touch $@ $(VENV)/.runtime

clean:
	rm -rf $(VENV) build demo dist
