# Two commands matter: `make book` and `make test`. Both make what they need first.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

UV_VERSION := 0.13.9
PYTHON312 ?=
WORKERS ?= 2

UV := .uv/bin/uv
BIN := .venv/bin
PY := $(BIN)/python
GROUPS_ALL := --extra estimate --extra distributed --extra parquet --extra zarr --group build --group test --group book --group dev --group bench

# One thread per process: the parallelism is pytest's, and sampled numbers must not depend on BLAS.
export OMP_NUM_THREADS ?= 1
export VIRTUAL_ENV := $(CURDIR)/.venv
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# Compiled likelihoods stay inside the checkout, where `make clean` finds them.
export PYTENSOR_FLAGS ?= base_compiledir=$(CURDIR)/build/pytensor
export UV_HTTP_TIMEOUT ?= 300
# Notebook kernels keep their history out of the user's home.
export IPYTHONDIR := $(CURDIR)/build/ipython
# A user's own packages must not leak into a pinned environment.
export PYTHONNOUSERSITE := 1
unexport PYTHONPATH PYTHONHOME
# Hundreds of processes import SymPy; without byte code each reads its source again, for ten seconds.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup book test fast long bench wheel wasm lint format tidy unit notebooks pins clean distclean

help: ## this list
	@echo 'Stay or Leave: targets of this Makefile'
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

# ---- environment -----------------------------------------------------------------------------
# Three stamps: the interpreter, the pinned packages, the compiled extension. Each is made again
# when, and only when, what it depends on is newer.

.venv/.made: .ci/bootstrap .python-version
	@.ci/bootstrap $(UV_VERSION) $(PYTHON312)
	@touch $@

# `sync` installs the pins and nothing else, compiled once for the hundred processes of a test run
# that may not be allowed to keep what they compile. The second call fails, without asking any host,
# when pyproject.toml wants something that the pins do not give.
.venv/.packages: .venv/.made pyproject.toml constraints.txt
	@echo 'packages of constraints.txt → .venv'
	@$(UV) pip sync --quiet --compile-bytecode --python $(PY) constraints.txt
	@$(UV) pip install --quiet --offline --python $(PY) --constraints constraints.txt \
	  --requirements pyproject.toml $(GROUPS_ALL) \
	  || { echo 'constraints.txt does not pin all that pyproject.toml asks for: run `make pins`.' >&2; exit 1; }
	@touch $@

# Folders are prerequisites too: a removed source file changes only its folder.
.venv/.core: .venv/.packages CMakeLists.txt $(shell find cpp 2>/dev/null)
	@echo 'pycore._core: compiling'
	@$(UV) pip install --quiet --python $(PY) --no-deps --no-build-isolation \
	  --reinstall-package stay-or-leave --editable .
	@touch $@

# Packages that ship tables of respondents; the tables are read, the packages not imported.
build/shipped/.made: .venv/.packages tests/reference/packages.txt
	@rm -rf build/shipped
	@$(UV) pip install --quiet --no-deps --python $(PY) --target build/shipped \
	  --requirements tests/reference/packages.txt
	@touch $@

setup: .venv/.core build/shipped/.made ## environment with pinned packages and the compiled extension

pins: .venv/.made ## renew constraints.txt from pyproject.toml (UPGRADE=--upgrade for newer versions)
	$(UV) pip compile pyproject.toml $(GROUPS_ALL) --python-version 3.12 --universal \
	  --strip-extras --no-header --no-annotate $(UPGRADE) --quiet --output-file constraints.txt

# ---- book ------------------------------------------------------------------------------------

# What the numbers of a page depend on is in the key of book/_ext/execution_cache.py: a changed model
# executes every page again. After a failure the pages are read again (their executions are kept),
# because a page that is not read again would not repeat its warning.
book: setup ## the executed book, offline; prints the file to open
	@$(BIN)/jupyter-book build . --config book/_config.yml --toc book/_toc.yml --path-output . \
	  -W --keep-going || { rm -rf _build/.doctrees; exit 1; }
	@echo 'The book: file://$(CURDIR)/_build/html/index.html'

# ---- tests -----------------------------------------------------------------------------------

test: lint wheel book unit ## every test: style, types, wheel, book, units, browser, notebooks

fast: setup ## short tier: nothing slow, no book, no browser, no notebooks
	@PYCORE_FAST=1 $(PY) -m pytest -n $(WORKERS) -m 'not slow and not long and not book and not browser'

# One run for all: while one process is busy with a laboratory, the other has small tests to do.
unit: setup
	@$(PY) -m pytest -n $(WORKERS) --dist loadgroup --durations=25 -m 'not long' \
	  --nbval --nbval-current-env tests pycore notebooks

long: setup ## the tests that take minutes each
	@$(PY) -m pytest -n $(WORKERS) --dist loadgroup -m long

notebooks: setup
	@$(PY) -m pytest -n $(WORKERS) --dist loadscope --nbval --nbval-current-env notebooks

lint: setup ## pre-commit on every file: ruff, mypy, clang-format and the rest
	@$(BIN)/pre-commit run --all-files --show-diff-on-failure

format: setup ## rewrite Python and C++ in the house style
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format .
	@git ls-files -z --cached --others --exclude-standard 'cpp/*.cpp' 'cpp/*.hpp' | xargs -0 -r $(BIN)/clang-format -i

tidy: setup ## clang-tidy on the C++ (slow)
	@$(PY) $(BIN)/run-clang-tidy.py -quiet -j $(WORKERS) -clang-tidy-binary $(BIN)/clang-tidy \
	  -p "$$(dirname "$$(ls -t build/cp3*/compile_commands.json | head -n 1)")" '$(CURDIR)/cpp/'

bench: setup ## speed against peers → build/bench.json
	@$(UV) pip install --quiet --python $(PY) --constraints constraints.txt --group peers
	@mkdir -p build
	@$(PY) -m tests.benchmarks
	@echo 'build/bench.json'

# The wheel is unpacked apart from the editable install and imported from there.
wheel: setup ## build/dist/*.whl, checked by importing it
	@rm -rf build/dist build/unpacked
	@$(UV) build --quiet --wheel --no-build-isolation --python $(PY) --out-dir build/dist
	@$(UV) pip install --quiet --no-deps --python $(PY) --target build/unpacked build/dist/*.whl
	@$(PY) -S -c 'import sys, sysconfig; \
	  sys.path[:0] = ["build/unpacked", sysconfig.get_path("purelib")]; \
	  import pycore, pycore._core; \
	  assert "unpacked" in pycore.__file__ and "unpacked" in pycore._core.__file__; \
	  print("wheel: pycore", pycore.__version__)'

# What a page would run in the reader's browser; clang and lld are asked for, Node only by the tests.
wasm: ## build/wasm/machine.wasm, the machine for browsers
	@cmake -S . -B build/wasm -DCMAKE_TOOLCHAIN_FILE=$(CURDIR)/cpp/cmake/wasm32.cmake -G Ninja \
	  -DCMAKE_MAKE_PROGRAM=$(CURDIR)/$(BIN)/ninja > build/wasm.log || { cat build/wasm.log; exit 1; }
	@cmake --build build/wasm

# ---- order -----------------------------------------------------------------------------------

clean: ## remove what was built; keep the environment
	rm -rf build _build .pytest_cache .mypy_cache .ruff_cache .hypothesis .venv/.core

distclean: clean ## remove the environment too
	rm -rf .venv .uv
