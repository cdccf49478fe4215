# One command for each thing. Nothing but Python 3.11 or later is needed; everything goes into .venv.
#   make demo    a company's database, a gateway before it, lines to paste
#   make help    all of them

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore

.DEFAULT_GOAL := help
.PHONY: help demo test lint types check bench bench-compare bench-detect bench-defences fuzz services wheel lock clean

help:  ## show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(STAMP)  ## start the demo: database, customers, gateway, lines to paste (Ctrl-C stops it)
	@$(BIN)/menshen demo $(ARGS)

test: $(STAMP)  ## run the tests; ARGS="-k masks" for some of them
	$(BIN)/python -m pytest $(ARGS)

lint: $(STAMP)  ## style, and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(STAMP)  ## mypy --strict
	$(BIN)/mypy

check: lint types test  ## everything

bench: $(STAMP)  ## measure: direct, through PgBouncer, through Menshen (twenty minutes; ARGS="--only prepared --compiled")
	$(BIN)/python -m bench.pgbench $(ARGS)

bench-compare: $(STAMP)  ## two results of make bench: make bench-compare A=var/bench/x.json B=var/bench/y.json
	$(BIN)/python -m bench.compare $(A) $(B)

bench-detect: $(STAMP)  ## how well the detectors find: precision and recall on simulated weeks (a minute)
	$(BIN)/python -m bench.detect $(ARGS)

bench-defences: $(STAMP)  ## what each defence costs, in ratios (two minutes)
	$(BIN)/python -m bench.defences $(ARGS)

fuzz: $(STAMP)  ## coverage-guided fuzzing: make fuzz ARGS="messages -runs=1000000" (targets: tests/fuzz/coverage)
	$(BIN)/python -m tests.fuzz.coverage $(ARGS)

services:  ## what some tests and the bench need beside Python: PgBouncer, node (Debian packages, as root)
	scripts/services.sh

wheel: $(STAMP)  ## build the wheel into dist/, its hot path compiled where there is a C compiler
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

lock: $(STAMP)  ## resolve the dependencies anew (needs uv)
	scripts/lock.sh

clean:  ## remove what was made here: .venv, dist, caches, the demo's data
	rm -rf $(VENV) dist build var .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamp is written last: an installation that was interrupted is begun again.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Menshen needs Python 3.11 or later; name one: make PYTHON=python3.12 …" >&2; exit 2; }
	@test -x $(BIN)/python && $(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV) || \
	  { echo "Python cannot make environments here; on Debian: apt-get install python3-venv" >&2; exit 2; }
	@echo "installing into $(VENV)"
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --no-deps -e .
	@touch $@
