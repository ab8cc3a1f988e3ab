# make help lists what there is. Only git, make and Python with venv are needed.

.DEFAULT_GOAL := help
unexport PYTHONDONTWRITEBYTECODE  # the tests start hundreds of processes
.DELETE_ON_ERROR:
.PHONY: serve test interop lint names check examples bench soak mutants screenshots sbom format setup lock clean help

BIN := .venv/bin
CODE := $(wildcard emulator bench deploy tools tests)

# What a caller may set: make serve ARGS="--port 8000", make test PYTEST_ARGS="-k voice",
# make test WORKERS=0 (no worker processes), make test PYTHON=python3.12.
ARGS ?=
PYTEST_ARGS ?=
WORKERS ?= auto

# The newest Python that really runs (a name on the PATH may be a mere stub) and can make
# a virtual environment.
FITS := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for name in python3.13 python3.12 python3.11 python3; do \
	"$$name" -c '$(FITS)' >/dev/null 2>&1 && echo "$$name" && break; done)

serve: .venv/.ready  ## Serve on http://127.0.0.1:7672 (ARGS="--port 8000 ...")
	@exec $(BIN)/smsclouds-emulator serve $(ARGS)

test: .venv/.ready  ## Run the tests (PYTEST_ARGS="-k voice")
	@$(BIN)/pytest -q -n $(WORKERS) $(PYTEST_ARGS)

interop: .venv/.ready  ## Run the tests that need foreign programs (php, java, ...)
	@$(BIN)/pytest -q -n $(WORKERS) -m "tools and not soak" $(PYTEST_ARGS)

lint: .venv/.ready names  ## Check names, format, lint, types and the direction of imports
	@$(BIN)/ruff format --check
	@$(BIN)/ruff check
	@$(BIN)/mypy $(CODE)
	@$(BIN)/lint-imports --no-logo

names: .venv/.ready  ## Measure the names (ARGS="--list one-word")
	@$(BIN)/python -m tools.names $(ARGS)

check: lint test interop  ## Everything CI runs: lint, test, interop

examples: .venv/.ready  ## Run the examples whose tools are installed (ARGS="php java")
	@$(BIN)/python -m tools.examples $(ARGS)

bench: .venv/.ready  ## Measure speed and memory (ARGS="...")
	@$(BIN)/python -m bench $(ARGS)

soak: .venv/.ready  ## Run the long tests: many repetitions, random seeds
	@SOAK=1 $(BIN)/pytest -q -n $(WORKERS) -m "soak or property" --timeout 3600 \
		-o faulthandler_timeout=3630 $(PYTEST_ARGS)

mutants: .venv/.ready  ## What the tests do not see (ARGS="--seed 7 --count 170")
	@test -e .mutation.json || $(BIN)/python -m tools.mutation --learn
	@$(BIN)/python -m tools.mutation $(ARGS)

screenshots: .venv/.ready  ## Take the pictures of the README anew (needs chromium)
	@$(BIN)/python -m tools.screenshots

CYCLONEDX := cyclonedx-bom==7.5.0
sbom: .venv/.ready  ## Write down what the image holds: dist/sbom.cdx.json
	@$(BIN)/python -m venv --clear .venv-sbom
	@.venv-sbom/bin/pip install -qq "$(CYCLONEDX)"
	@PATH="$(CURDIR)/.venv-sbom/bin:$$PATH" $(BIN)/python -m tools.sbom
	@rm -rf .venv-sbom

format: .venv/.ready  ## Format the code and mend what ruff can mend
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix

setup: .venv/.ready  ## Only prepare .venv, which the others do by themselves

# A new lock means a new environment; a new pyproject.toml only a new entry in it.
.venv/.ready: .venv/.locked pyproject.toml
	@$(BIN)/pip install -qq --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.locked: requirements.lock
	@name="$(PYTHON)"; \
	if [ -z "$$name" ] || ! "$$name" -c '$(FITS)' >/dev/null 2>&1; then \
		name="$${name:-python3}"; \
		found=$$("$$name" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null); \
		if [ -z "$$found" ]; then \
			echo "Python 3.11 or newer is needed: apt install python3-venv" >&2; \
		elif "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then \
			echo "$$name cannot make a virtual environment: apt install python$$found-venv" >&2; \
		else \
			echo "Python 3.11 or newer is needed; $$name is $$found." >&2; \
		fi; \
		exit 1; \
	fi; \
	echo "Preparing .venv with $$("$$name" --version), once; this takes about a minute." >&2; \
	"$$name" -m venv --clear .venv
	@$(BIN)/pip install -qq --no-deps --require-hashes -r requirements.lock || { \
		echo "The packages in requirements.lock could not be installed; the reason stands above." >&2; \
		exit 1; }
	@touch $@

# One lock for every platform and every Python from 3.11 on: hashes, no addresses; and
# the part of it that the image is made of.
# UPGRADE="--upgrade" takes the newest versions, UPGRADE="-P ruff" only ruff's.
UPGRADE ?=
UV := uv==0.13.9
COMPILE := .venv-lock/bin/uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-emit-find-links \
	--custom-compile-command "make lock"
lock: .venv/.ready  ## Write both locks anew (UPGRADE="--upgrade", UPGRADE="-P ruff")
	@$(BIN)/python -m venv --clear .venv-lock
	@.venv-lock/bin/pip install -qq "$(UV)"
	@$(COMPILE) --group dev $(UPGRADE) --output-file requirements.lock pyproject.toml
	@$(COMPILE) --group image --constraint requirements.lock \
		--output-file image.lock pyproject.toml
	@rm -rf .venv-lock

clean:  ## Remove everything that can be made again
	@rm -rf .venv .venv-* .hypothesis .import_linter_cache .mypy_cache .pytest_cache \
		.ruff_cache build dist tests/contract_tools/node_modules
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

help:  ## Show this list
	@sed -n 's/^\([a-z]*\):.*  ## \(.*\)/  make \1	\2/p' Makefile | expand -t 16
