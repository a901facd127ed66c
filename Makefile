# Every target sets up what it needs. `make run` and `make test` are all a newcomer has to know.

PYTHON ?= python3
VENV ?= .venv
TESTS ?=
# Tests played at once: two for each processor keep it busy while some wait for programs and time-outs; each takes 400 MB.
WORKERS ?= 4
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SETUP := $(VENV)/.done

# `make run server=...` is meant so, and no demo. The environment's `server` is somebody else's.
ifeq ($(origin server),command line)
SERVER := $(server)
endif

# `make run pop.example.com` would be the demo, and that server a target that there is not.
STRANGE := $(filter-out run,$(MAKECMDGOALS))
ifneq ($(and $(filter run,$(MAKECMDGOALS)),$(findstring .,$(STRANGE))),)
$(error write it as: make run SERVER="$(STRANGE)")
endif

.PHONY: run demo test test-deep test-browser check fix bench clean help

run: $(READY)  ## the gateway: make run SERVER=mail.example.com; without SERVER: the demo
ifeq ($(origin SERVER),undefined)
	$(BIN)/popover demo
else
	$(BIN)/popover run $(SERVER)
endif

demo: $(READY)  ## see it work, with a mail server made for it
	$(BIN)/popover demo

test: $(SETUP)  ## every test, against real servers and clients, or make test TESTS=tests/wire; installs nothing
	tests/install-parts
	tests/install-provider $(BIN)/python
	tests/run $(BIN)/python -n $(WORKERS) --dist loadgroup $(TESTS)

# Minutes of it are for playing at random; what it found can be played again: python -m pairs.fuzz --seed N.
MINUTES ?= 60

test-deep: $(SETUP)  ## every pair of odd servers and clients, property tests 50 times as deep, and chance
	POPOVER_DEPTH=50 $(BIN)/pytest -n 2 --dist loadgroup --timeout 7200 \
		tests/pairs tests/protocols tests/config tests/outside tests/session tests/wire
	PYTHONPATH=tests $(BIN)/python -m pairs.fuzz --minutes $(MINUTES) --workers 2
	PYTHONPATH=tests $(BIN)/python -m pairs.wild.duel --minutes $(MINUTES) --first 1000000

test-pythons: $(SETUP)  ## what depends on Python, with each other one of this machine and with Debian testing's
	tests/install-parts
	tests/install-python
	tests/each-python $(BIN)/python $(CURDIR)/.parts/testing/python

test-browser: $(SETUP)  ## signing in by a real Chromium; where there is none, it is unpacked in this folder
	tests/install-provider $(BIN)/python
	tests/install-browser
	$(BIN)/pytest tests/browser

check: $(SETUP)  ## style, types and the two contracts of the architecture
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

fix: $(SETUP)  ## what a program can mend
	$(BIN)/ruff format --quiet .
	$(BIN)/ruff check --quiet --fix .

bench: $(SETUP)  ## popover and its peers, side by side; writes docs/benchmarks.md
	bench/install-peers $(BIN)/python
	$(BIN)/python -m bench
	$(BIN)/python -m bench.wan

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*  ## /\1 /p' Makefile | while read -r target does; do printf '%-14s %s\n' "$$target" "$$does"; done

clean:  ## away with what was set up and built
	rm -rf $(VENV) build dist

# What the gateway and its demo need, and no more.
$(READY): pyproject.toml
	@scripts/ready $(PYTHON) $(MAKECMDGOALS)
	@echo "Setting popover up in $(VENV), once: a few small libraries, some 30 MB. Nothing else on this machine is changed."
	scripts/as-owner $(PYTHON) -m venv $(VENV)
	scripts/as-owner $(BIN)/pip install --disable-pip-version-check --editable .
	@scripts/as-owner touch $@

# What developers need as well.
$(SETUP): $(READY)
	@echo "Adding the tools for tests, some 350 MB, in $(VENV)."
	scripts/as-owner $(BIN)/pip install --disable-pip-version-check --editable '.[dev]'
	@scripts/as-owner touch $@

# --- Packages, all below dist/. docs/install.md tells who wants which, and how it is installed.
.PHONY: pyz dist deb ipk image release tagged test-packages

TOOLS := build/tools
# The date of all that is built (reproducible-builds.org): that of the commit, so that two builds are equal.
EPOCH = $(or $(SOURCE_DATE_EPOCH),$(shell git log -1 --format=%ct 2>/dev/null),315532800)

pyz: $(TOOLS)/.done  ## dist/popover.pyz: one file for any Python from 3.11 on
	rm -rf build/site
	$(TOOLS)/bin/pip install --quiet --require-hashes --no-deps --no-compile --only-binary :all: \
		--target build/site -r packaging/vendored.txt
	SOURCE_DATE_EPOCH=$(EPOCH) $(TOOLS)/bin/python packaging/pyz.py dist/popover.pyz build/site
	dist/popover.pyz --version

dist: $(TOOLS)/.done  ## wheel and source distribution, for pip and pipx
	rm -f dist/popover-*.whl dist/popover-*.tar.gz
	SOURCE_DATE_EPOCH=$(EPOCH) $(TOOLS)/bin/python -m build --outdir dist .
	$(TOOLS)/bin/twine check --strict dist/popover-*.whl dist/popover-*.tar.gz

deb: pyz dist  ## both Debian packages: for Debian 13 and later, and with its libraries bundled for Debian 12
	SOURCE_DATE_EPOCH=$(EPOCH) packaging/deb

ipk: pyz  ## OpenWrt's package, up to 24.10
	SOURCE_DATE_EPOCH=$(EPOCH) $(TOOLS)/bin/python packaging/ipk.py dist/popover.pyz dist

image: pyz  ## the container image (as root)
	SOURCE_DATE_EPOCH=$(EPOCH) packaging/image

release: tagged pyz dist deb ipk image  ## all of them, with their checksums; of the same commit they are the same again
	cd dist && rm -f SHA256SUMS && sha256sum popover* >SHA256SUMS

VERSION = $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' src/popover/__init__.py)

tagged:
	@tag=$$(git describe --tags --exact-match 2>/dev/null); [ "$${tag:-v$(VERSION)}" = "v$(VERSION)" ] || \
		{ echo "make release: this commit's tag is $$tag, and src/popover/__init__.py says $(VERSION)" >&2; exit 1; }

test-packages: $(SETUP)  ## what make release has built: installed, run, upgraded and removed on machines of its own (as root; minutes)
	$(BIN)/pytest --timeout 600 packaging/trials

$(TOOLS)/.done:
	@scripts/ready $(PYTHON)
	$(PYTHON) -m venv $(TOOLS)
	$(TOOLS)/bin/pip install --quiet --disable-pip-version-check build twine
	@touch $@
