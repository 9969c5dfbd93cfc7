# The front door. Every target works in a fresh clone with Python >= 3.11, git and make;
# what else a target needs, it installs or names.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# The chain's engine for networks: pinned, installed by Go into the project's own folder.
COMETBFT_PINNED := v0.38.25
COMETBFT_VERSION ?= $(COMETBFT_PINNED)
# Other versions stand beside it under their own names, for WARIFU_COMETBFT.
COMETBFT := .tools/bin/cometbft$(if $(filter-out $(COMETBFT_PINNED),$(COMETBFT_VERSION)),-$(COMETBFT_VERSION))
# Without a network it fails in seconds: one retry, not pip's five.
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --retries 1 --timeout 15
PEERS := tests/peers/node_modules/.installed
ARGS ?=
# What `make test` leaves out: long gates, and tests of real components that must be installed.
LONG := slow or node or browser or cometbft or postgres

.PHONY: help setup demo test check bench lint types contracts tests slow properties docs peers browser postgres cometbft cometbft-shifted protos picture lock clean

help:
	@echo "make demo    set up, then play the whole journey       make demo ARGS='--keep'"
	@echo "make test    set up, then run the quick tests          make test ARGS='-k wallet'"
	@echo "make check   lint, types, contracts, tests, docs"
	@echo "make bench   measure against peers and limits"
	@echo "make slow    every long gate: hours of kills, faults and sweeps"

setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Warifu needs Python 3.11 or newer") if sys.version_info < (3, 11) else None'
	@[ -e $@ ] || rm -rf $(VENV)  # a set-up that was cut short is begun anew
	@echo "setting up $(VENV) (a minute or two) ..." >&2
	@$(PYTHON) -m venv $(VENV) >&2 || { echo "make setup: $(PYTHON) cannot make a virtual environment (Debian: apt-get install python3-venv)" >&2; exit 1; }
	@$(PIP) --require-hashes -r requirements.lock >&2 || { echo "make setup: the packages of requirements.lock could not be fetched; is there a network, or a PIP_INDEX_URL? Run it again: nothing is half done." >&2; exit 1; }
	@$(PIP) --no-deps --no-build-isolation -e . >&2
	@touch $@

demo: setup
	@$(BIN)/warifu demo $(ARGS)

test: setup
	@$(BIN)/python -m pytest -q -n 2 --dist loadgroup -m "not ($(LONG))" $(ARGS)

check: lint types contracts tests docs

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: setup
	$(BIN)/mypy
	$(BIN)/mypy tests/typing

contracts: setup
	$(BIN)/lint-imports

tests: test

docs: setup
	$(BIN)/python -m pytest -q -p no:cacheprovider tests/docs

# The long gates: many kills, many mutations, peers, browser.
slow: setup peers browser postgres cometbft
	$(BIN)/python -m pytest -q -n 2 --dist loadgroup -m "($(LONG)) and not cometbft" $(ARGS)
	$(BIN)/python -m pytest -q -m cometbft $(ARGS)

# Every example of every property; `make test` tries a quarter of them.
properties: setup
	@WARIFU_LONG=1 $(BIN)/python -m pytest -q -n 2 -m "not ($(LONG))" tests/properties

peers: $(PEERS)

$(PEERS): tests/peers/package.json tests/peers/package-lock.json
	@command -v npm >/dev/null || { echo "make peers needs Node.js >= 20 and npm" >&2; exit 1; }
	cd tests/peers && npm ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@

browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || { \
	  command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] \
	  && apt-get update -q >/dev/null && apt-get install -yq --no-install-recommends chromium fonts-noto-cjk >/dev/null; \
	} || { echo "make browser needs Chromium (Debian: apt-get install chromium fonts-noto-cjk)" >&2; exit 1; }

postgres:
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || { \
	  command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] \
	  && apt-get update -q >/dev/null && apt-get install -yq --no-install-recommends postgresql >/dev/null; \
	} || { echo "make postgres needs PostgreSQL (Debian: apt-get install postgresql)" >&2; exit 1; }

# Another version: make cometbft COMETBFT_VERSION=v0.39.4 (0.38.21 or newer of 0.38 to 0.40;
# 0.39 and 0.40 need Go 1.25, which Go 1.22 fetches by itself unless GOTOOLCHAIN=local).
cometbft:
	@command -v go >/dev/null || { echo "make cometbft needs Go 1.22 or newer: https://go.dev/dl" >&2; exit 1; }
	@go version | awk '{ split(substr($$3, 3), v, "."); exit !(v[1] > 1 || v[2] >= 22) }' \
	  || { echo "make cometbft needs Go 1.22 or newer; this is $$(go version)" >&2; exit 1; }
	@if [ -x $(COMETBFT) ] && go version -m $(COMETBFT) | grep -q "cometbft/cometbft[[:space:]]$(COMETBFT_VERSION)[[:space:]]"; then \
	  echo "CometBFT $(COMETBFT_VERSION) is in $(COMETBFT)" >&2; \
	else \
	  echo "building CometBFT $(COMETBFT_VERSION) ..." >&2; \
	  mkdir -p .tools/bin && build="$$(mktemp -d "$(CURDIR)/.tools/build.XXXXXX")" && trap 'rm -rf "$$build"' EXIT \
	  && GOBIN="$$build" GOFLAGS=-trimpath go install github.com/cometbft/cometbft/cmd/cometbft@$(COMETBFT_VERSION) \
	  && mv "$$build/cometbft" $(COMETBFT); \
	fi

# Two more of our version whose clocks are an hour ahead and an hour behind, for tests/network/test_faults.py.
cometbft-shifted: setup cometbft
	@$(BIN)/python tests/network/shifted.py $(COMETBFT_PINNED) .tools/bin

# The stubs of CometBFT's protocol, generated anew from its own definitions.
protos: setup
	@command -v go >/dev/null || { echo "make protos needs Go" >&2; exit 1; }
	$(BIN)/python docs/protos.py

bench: setup peers cometbft
	@for name in verify map bundle embedded growth network sync; do \
	  echo "== $$name"; $(BIN)/python benchmarks/$$name.py $(ARGS) || exit 1; done

# README's picture, drawn by our own program.
picture: setup
	$(BIN)/python docs/picture.py docs/picture.svg

# The lock file, made anew from pyproject.toml.
lock: setup
	$(BIN)/python -m uv pip compile --universal --generate-hashes --python-version 3.11 --no-header --all-extras --group dev pyproject.toml -o requirements.lock

clean:
	rm -rf $(VENV) tests/peers/node_modules .mypy_cache .ruff_cache .pytest_cache
