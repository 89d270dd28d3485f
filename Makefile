# The user's and the developer's commands. `make help` reads the lines marked ## below.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/bash

# Training data: scenes/, labels/, catalog.csv as their README describes them.
DATA ?= ../shared/data
# Set PYTHON to use another environment than the one `make setup` makes.
PYTHON ?= .venv/bin/python
READY := $(if $(filter file,$(origin PYTHON)),setup)

# A package in ~/.local must not shadow the environment's.
export PYTHONNOUSERSITE := 1

.PHONY: help setup demo test lint bench package translations shots train train-quick evaluate clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do \
		printf '  make %-12s %s\n' "$$name" "$$text"; done

setup: ## install what is missing: QGIS from the distribution, the rest into .venv
	@.ci/setup

demo: $(READY) ## run the bundled model on the sample scenes in QGIS, take pictures of the results
	@$(PYTHON) .ci/demo.py

test: $(READY) ## all tests: without QGIS, with QGIS, in a real QGIS window; with QGIS 3.40 too
	@$(PYTHON) .ci/run_tests.py $(TIERS)

lint: $(READY) ## what CI checks before it tests: ruff, bandit, secrets, the shape of the tree
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m bandit --quiet --configfile pyproject.toml --recursive model_core hydranet_qgis
	@$(PYTHON) .ci/check_secrets.py
	@$(PYTHON) .ci/check_tree.py

bench: $(READY) ## measure speed on this machine, into build/bench.json
	@mkdir -p build
	@$(PYTHON) -m tests.bench --output build/bench.json

package: $(READY) ## the plugin as a zip to install in QGIS, build/hydranet_qgis-<version>.zip
	@$(PYTHON) .ci/package.py

shots: $(READY) ## take the pictures of README and help anew, into resources/help/images
	@$(PYTHON) .ci/shots.py

translations: $(READY) ## collect the plugin's texts for translators, into resources/i18n/hydranet.ts
	@$(PYTHON) .ci/translations.py

train: $(READY) ## train the bundled model from DATA (default ../shared/data)
	@$(PYTHON) -m model_core train --data $(DATA)

train-quick: $(READY) ## the same in minutes, to see that everything works; the model is of no use
	@$(PYTHON) -m model_core train --data $(DATA) --quick

evaluate: $(READY) ## measure the bundled model on DATA's test split
	@$(PYTHON) -m model_core evaluate --data $(DATA)

clean: ## remove what these commands made, but not .venv
	@rm -rf build .ruff_cache .pytest_cache .hypothesis .qgis-settings
