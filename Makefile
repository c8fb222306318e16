# Every target sets itself up: a clean clone with Python 3.11 on Debian needs nothing first.
SHELL := /bin/bash
PYTHON ?=
BIN := .venv/bin
# One thread for each core and no spinning: threads that wait busily make a loaded machine many times slower.
export OMP_WAIT_POLICY := PASSIVE
export MPLBACKEND := Agg

SAMPLE := data_samples/uav_plot.laz
# What `make picture` draws; the README's picture is of a real scan that is not part of the project.
SCAN ?= $(SAMPLE)
PICTURE ?= out/picture.png
LABELLED := out/uav_plot_leafwood.laz

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev demo test lint test-slow samples train picture clean

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

lint: setup-dev ## style, types and import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint ## style, types and the everyday tests
	$(BIN)/pytest

test-slow: setup-dev ## the tests that take minutes
	$(BIN)/pytest -m slow

samples: setup ## make data_samples again from its configs
	$(BIN)/leafwood simulate data_samples/*.yaml -o data_samples --overwrite
	cd data_samples && sha256sum *.yaml *.laz *.json *.npz > SHA256SUMS

train: setup ## the shipped weights again: stands, eight stages, calibration (about ten hours)
	$(BIN)/python pipelines/training_stands.py runs/stands/train --stands 60 --seed 3000
	$(BIN)/python pipelines/training_stands.py runs/stands/closed --stands 60 --seed 3100 --closed
	$(BIN)/python pipelines/training_stands.py runs/stands/bare --stands 20 --seed 3200 --bare
	$(BIN)/python pipelines/training_stands.py runs/stands/all_round --stands 30 --seed 4000 --size 14 --all-round
	$(BIN)/python pipelines/training_stands.py runs/stands/late --stands 21 --seed 3400
	$(BIN)/python pipelines/training_stands.py runs/stands/late_closed --stands 30 --seed 3300 --closed
	$(BIN)/python pipelines/training_stands.py runs/stands/late_bare --stands 12 --seed 3500 --bare
	$(BIN)/python pipelines/training_stands.py runs/stands/late_all_round --stands 14 --seed 4200 --size 14 --all-round
	$(BIN)/python pipelines/training_stands.py runs/stands/reshaped --stands 24 --seed 3600 --reshape
	$(BIN)/python pipelines/training_stands.py runs/stands/reshaped_closed --stands 18 --seed 3700 --closed --reshape
	$(BIN)/python pipelines/training_stands.py runs/stands/reshaped_bare --stands 12 --seed 3800 --bare --reshape
	$(BIN)/python pipelines/training_stands.py runs/stands/reshaped_all_round --stands 60 --seed 4300 --size 14 --all-round --reshape
	$(BIN)/python pipelines/training_stands.py runs/stands/more --stands 16 --seed 5000 --reshape
	$(BIN)/python pipelines/training_stands.py runs/stands/more_closed --stands 18 --seed 4900 --closed --reshape
	$(BIN)/python pipelines/training_stands.py runs/stands/more_bare --stands 12 --seed 4800 --bare --reshape
	$(BIN)/python pipelines/training_stands.py runs/stands/more_all_round --stands 50 --seed 4600 --size 14 --all-round --reshape
	$(BIN)/python pipelines/training_stands.py runs/stands/validation --stands 12 --seed 2000
	$(BIN)/python pipelines/training_stands.py runs/stands/validation_all_round --stands 4 --seed 4100 --size 14 --all-round
	$(BIN)/python pipelines/training_stands.py runs/stands/validation_reshaped --stands 8 --seed 2200 --reshape
	$(BIN)/python pipelines/training_stands.py runs/stands/validation_bare --stands 4 --seed 2300 --bare --reshape
	$(BIN)/python pipelines/training_stands.py runs/stands/validation_reshaped_all_round --stands 6 --seed 4500 --size 14 --all-round --reshape
	$(BIN)/leafwood train configs/train/uav.yaml -o runs/uav_first --resume
	$(BIN)/leafwood train configs/train/uav_all_round.yaml -o runs/uav_second --resume
	$(BIN)/leafwood train configs/train/uav_even.yaml -o runs/uav_third --resume
	$(BIN)/leafwood train configs/train/uav_closed.yaml -o runs/uav_fourth --resume
	$(BIN)/leafwood train configs/train/uav_bare.yaml -o runs/uav_fifth --resume
	$(BIN)/leafwood train configs/train/uav_deeper.yaml -o runs/uav_sixth --resume
	$(BIN)/leafwood train configs/train/uav_reshaped.yaml -o runs/uav_seventh --resume
	$(BIN)/leafwood train configs/train/uav_returns.yaml -o runs/uav --resume
	$(BIN)/python pipelines/calibrate.py runs/uav/model.safetensors runs/stands/validation* \
		--leafless-from runs/stands/late runs/stands/reshaped* runs/stands/more*

picture: setup ## label and draw SCAN=... as PICTURE=...
	@mkdir -p out
	$(BIN)/leafwood segment $(SCAN) -o out/picture.laz --overwrite
	$(BIN)/leafwood render out/picture.laz -o $(PICTURE) --overwrite

clean: ## remove what the other targets made
	rm -rf .venv out build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .benchmarks
	find leafwood tests pipelines -name __pycache__ -type d -prune -exec rm -rf {} +
