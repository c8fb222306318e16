# Every target sets itself up: a clean clone with Python 3.11 on Debian needs nothing first.
SHELL := /bin/bash
PYTHON ?=
BIN := .venv/bin
# One thread for each core and no spinning: threads that wait busily make a loaded machine many times slower.
export OMP_WAIT_POLICY := PASSIVE
export MPLBACKEND := Agg

SAMPLE := data_samples/uav_plot.laz
LABELLED := out/uav_plot_leafwood.laz

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev demo test lint test-slow samples picture clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: ## .venv with leafwood in it
	@PYTHON=$(PYTHON) .ci/setup

setup-dev: ## the same with the test tools
	@PYTHON=$(PYTHON) .ci/setup dev

demo: setup ## label a sample scan
	@mkdir -p out
	$(BIN)/leafwood segment $(SAMPLE) -o $(LABELLED) --overwrite
	@echo "labelled scan: $(LABELLED)"

lint: setup-dev ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: lint ## style, types and the everyday tests
	$(BIN)/pytest

test-slow: setup-dev ## the tests that take minutes
	$(BIN)/pytest -m slow

samples: setup ## make data_samples again from its configs
	$(BIN)/leafwood simulate data_samples/*.yaml -o data_samples --overwrite
	cd data_samples && sha256sum *.yaml *.laz *.json *.npz > SHA256SUMS

picture: demo ## draw the labelled sample
	$(BIN)/leafwood render $(LABELLED) -o out/uav_plot_leafwood.png --overwrite

clean: ## remove what the other targets made
	rm -rf .venv out build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .benchmarks
	find leafwood tests pipelines -name __pycache__ -type d -prune -exec rm -rf {} +
