# make demo: install into .venv, train an autoencoder on real digits, encode, decode, and list the files.
# make test: linters, types and tests; make test-long: the long ones.

PYTHON ?= python3
JOBS   ?= 2
COVERAGE := 95
PARALLEL = --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder
PARTS ?= start mlp conv training busy reading codes defects codec codec-cells
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help demo lab test test-long coverage bench reference man clean
.DELETE_ON_ERROR:

help:
	@sed -n 's/^# //p' Makefile | head -2
	@echo "make lab: run the course of examples/lab, with a report in lab/report.html (20 minutes)."
	@echo "make coverage: which lines of aecli the quick tests run; they take half as long again."
	@echo "make bench PARTS=reading: compare aecli with notebooks and libraries, results in bench/; without PARTS all: hours."
	@echo "make reference: rewrite the generated pages and tables after a change of the code."
	@echo "make man: write the manual pages into $(VENV)/share/man, for man aecli-train and so on."
	@echo "make clean: remove the output of make demo, make lab and make bench; the environment in $(VENV) stays."

$(VENV)/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "error: Python 3.11 or later is needed, not $$($(PYTHON) --version)"; \
		  echo "hint: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 6; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.lab-installed: pyproject.toml $(VENV)/pyvenv.cfg
	@echo "installing aecli into $(VENV): torch is several GB, this takes some minutes the first time"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[lab]'
	@touch $@

$(VENV)/.test-installed: $(VENV)/.lab-installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[lab,test]'
	@touch $@

demo: $(VENV)/.lab-installed
	@$(MAKE) --no-print-directory --directory examples/pipeline \
		AECLI=../../$(BIN)/aecli OUT=../../demo DATA=mnist5k all
	@echo
	@echo "demo/ holds:"
	@cd demo && for file in run/model.safetensors run/loss.png run/reconstructions.png test-codes.npz \
		test-decoded.png test-decoded-8bit.png tsne.png knn-probe.png knn-probe.tsv compression.png \
		compression.tsv calibration.png calibration.tsv verdicts.tsv; do \
		printf '  %-26s %8s bytes\n' "$$file" "$$(wc -c < "$$file" | tr -d ' ')"; done
	@echo "look at demo/run/reconstructions.png, demo/tsne.png and demo/calibration.png first"

lab: $(VENV)/.lab-installed
	$(MAKE) --no-print-directory --directory examples/lab -j2 OMP_NUM_THREADS=1 \
		AECLI=../../$(BIN)/aecli PYTHON=../../$(BIN)/python OUT=../../lab

test: $(VENV)/.test-installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy & types=$$!; $(BIN)/python -m pytest -m "not long and not network" $(PARALLEL); tests=$$?; \
		wait $$types && exit $$tests

test-long: $(VENV)/.test-installed
	$(BIN)/python -m pytest -m "long and not network" $(PARALLEL)

coverage: $(VENV)/.test-installed
	$(BIN)/python -m pytest -m "not slow and not long and not network" $(PARALLEL) \
		--cov --cov-report=term:skip-covered --cov-fail-under=$(COVERAGE)

bench: $(addprefix bench/,$(addsuffix .json,$(PARTS)))

bench/%.json: $(VENV)/.lab-installed
	@mkdir -p bench/cache
	$(BIN)/python -m tests.benchmarks --part $* --cache bench/cache --json $@.partial > $(@:.json=.txt)
	@cat $(@:.json=.txt)
	@mv $@.partial $@

reference: $(VENV)/.test-installed
	$(BIN)/python -m aecli.cli.reference examples/REFERENCE.md
	$(BIN)/python -m tests.rules.readme_tables
	$(BIN)/python -m tests.rules.layers_diagram

man: $(VENV)/.lab-installed
	$(BIN)/python -m aecli.cli.manual

clean:
	rm -rf demo lab bench
