# Everything a newcomer needs: `make demo` and `make test` set themselves up.
PYTHON ?= python3
VENV   := .venv
MINUTES ?= 30
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet
JUDGES := tests/judges/node_modules

.PHONY: help setup demo serve test test-rating mutation test-crash test-hostile test-mcp lint format bench bench-soak lock clean
.DEFAULT_GOAL := help

help:  ## Show the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

setup: $(VENV)/.runtime  ## Create .venv with the pinned runtime, so that .venv/bin/tallystick runs

$(VENV)/.runtime: requirements/runtime.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Tallystick needs Python 3.11 or newer; $(PYTHON) is older. Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the pinned dependencies into $(VENV) ..."
	@$(PIP) install --require-hashes --requirement requirements/runtime.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.runtime
	@echo "Installing the pinned test tools into $(VENV) ..."
	@$(PIP) install --require-hashes --requirement requirements/dev.txt
	@touch $@

$(VENV)/.mutation: requirements/mutation.txt $(VENV)/.dev
	@echo "Installing the pinned mutation tester into $(VENV) ..."
	@$(PIP) install --require-hashes --requirement requirements/mutation.txt
	@touch $@

demo: $(VENV)/.runtime  ## Bill a year of New York flights, from an empty directory, in about a minute
	@$(BIN)/python demo/run.py

serve: $(VENV)/.runtime  ## Start the server on http://127.0.0.1:8080 (data in ./tallystick-data)
	@$(BIN)/tallystick serve

test: $(VENV)/.dev  ## Run all tests, on every core
	@PYTHONHASHSEED=0 $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile

test-rating: $(VENV)/.dev  ## Hold 100,000 random usage cards against the slow oracle
	@RATED_CARDS=100000 $(BIN)/python -m pytest tests/unit/rating

mutation: $(VENV)/.mutation  ## Break rating and periods in every small way, and list what no unit test notices
	@nice $(BIN)/python -m tests.mutation $(FILES)

test-crash: $(VENV)/.dev  ## Kill the server more often than `make test` does
	@CRASH_ROUNDS=50 $(BIN)/python -m pytest tests/crash

test-hostile: $(VENV)/.dev  ## Send more hostile input, and fuzz for longer, than `make test` does
	@HOSTILE_ROUNDS=20 $(BIN)/python -m pytest tests/hostile

$(JUDGES)/.installed: tests/judges/package.json tests/judges/package-lock.json
	@command -v npm >/dev/null || { echo "make test-mcp needs npm, which comes with Node"; exit 1; }
	@echo "Installing the pinned judges of the MCP door into $(JUDGES) ..."
	@cd tests/judges && npm ci --loglevel=error
	@touch $@

test-mcp: $(VENV)/.dev $(JUDGES)/.installed  ## Let the judges of the Model Context Protocol try the MCP door (needs npm)
	@TALLYSTICK_JUDGES=$(JUDGES) $(BIN)/python -m pytest tests/judges

lint: $(VENV)/.dev  ## Formatting, style, types and the directions between rooms
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(VENV)/.dev  ## Format the code and apply safe fixes
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(VENV)/.dev  ## Measure, and write benchmarks/RESULTS.md
	@$(BIN)/python -m benchmarks

bench-soak: $(VENV)/.dev  ## Watch memory under half an hour of load, and write benchmarks/SOAK.md
	@$(BIN)/python -m benchmarks --soak $(MINUTES)

lock: $(VENV)/.runtime  ## Resolve the pinned requirements anew (needs uv: pip install uv)
	@uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --quiet --upgrade pyproject.toml requirements/build.in --output-file requirements/runtime.txt
	@uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --quiet --upgrade pyproject.toml requirements/dev.in --constraint requirements/runtime.txt \
	  --output-file requirements/dev.txt
	@uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --quiet --upgrade requirements/mutation.in --constraint requirements/dev.txt --output-file requirements/mutation.txt

clean:  ## Remove the virtual environment and caches
	@rm -rf $(VENV) $(JUDGES) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
