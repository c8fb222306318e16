# Every target sets itself up: a clean clone with Python 3.11 on Debian needs nothing first.
SHELL := /bin/bash
PYTHON ?=
BIN := .venv/bin
# One thread for each core and no spinning: threads that wait busily make a loaded machine many times slower.
export OMP_WAIT_POLICY := PASSIVE
export MPLBACKEND := Agg

SAMPLE := data_samples/drone_plot.laz
# What `make picture` draws; the README's picture is of a real scan that is not part of the project.
SCAN ?= $(SAMPLE)
PICTURE ?= out/picture.png
LABELLED := out/drone_plot_leafwood.laz

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev demo kernels test lint fuzz test-slow test-browser docs viewer samples small-stands \
	validation-stands virtual-stands planted-stands more-virtual-stands fine-twigged-stands \
	train train-first train-kept train-paths train-teacher train-real train-both train-virtual calibrate picture clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: ## .venv with leafwood in it
	@PYTHON=$(PYTHON) .ci/setup

setup-dev: ## the same with the test tools
	@PYTHON=$(PYTHON) .ci/setup dev

demo: setup ## label a sample scan, and score the labels by its truth
	@mkdir -p out
	$(BIN)/leafwood segment $(SAMPLE) -o $(LABELLED) --overwrite
	$(BIN)/leafwood report $(LABELLED) -o out/drone_plot.html --overwrite
	@echo
	@echo "The sample is a virtual scan, so the truth is known. The labels beside it (docs/scores.md has more such scans):"
	$(BIN)/python pipelines/demo_scores.py $(LABELLED)
	@echo "labelled scan: $(LABELLED)"
	@echo "report:        out/drone_plot.html (open it in a browser)"

kernels: setup-dev ## compile the kernels in C++ again, after an edit
	$(BIN)/python setup.py build_ext --inplace

lint: setup-dev ## style, types and import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint ## style, types and the everyday tests
	OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --dist loadfile

fuzz: setup-dev ## bent files, model cards and YAML, for SECONDS=600 of each format
	$(BIN)/python tests/hostile/fuzz.py $(or $(SECONDS),600)
	$(BIN)/python tests/hostile/fuzz_config.py --seconds $(or $(SECONDS),600)

test-slow: setup-dev ## the tests that take minutes
	$(BIN)/pytest -m slow

docs: setup-dev ## the documentation as a site, in site/; warnings are errors
	$(BIN)/mkdocs build --strict

test-browser: setup-dev ## the reports in a real browser
	@.ci/setup browser
	$(BIN)/pytest -m browser

viewer: ## build the scripts of the reports again (needs node and npm)
	cd leafwood/report/web && npm ci --no-audit --no-fund && npm run build

samples: setup ## make data_samples again from its configs
	$(BIN)/leafwood simulate data_samples/*.yaml -o data_samples --overwrite
	cd data_samples && sha256sum *.yaml *.laz *.json *.npz > SHA256SUMS

TREES ?= ../shared/data/labelled/weiser_
STANDS := $(BIN)/python pipelines/training_stands.py
MODELS ?= uav pipelines/folds/a.safetensors pipelines/folds/b.safetensors pipelines/folds/c.safetensors
AVERAGE := $(BIN)/python pipelines/average_weights.py
CALIBRATION := runs/stands/validation* runs/stands/other_instruments

# The first stands of the folders that configs/train/imbalance, soul.yaml and soul_short.yaml read.
small-stands: setup ## a few virtual stands, for configs/train/imbalance, soul_short.yaml and meta_weight_short.yaml
	$(STANDS) runs/stands/train --stands 2 --seed 3000
	$(STANDS) runs/stands/validation --stands 1 --seed 2000
	$(STANDS) runs/stands/clean --stands 1 --seed 5000
	for seed in 3700 3710 3714; do $(STANDS) runs/stands/reshaped_closed \
		--stands 1 --seed $$seed --closed --random-branching || exit 1; done

validation-stands: setup # what no training learns from
	$(STANDS) runs/stands/validation --stands 2 --seed 2000
	$(STANDS) runs/stands/validation_reshaped --stands 2 --seed 2200 --random-branching
	$(STANDS) runs/stands/validation_bare --stands 2 --seed 2300 --bare --random-branching
	$(STANDS) runs/stands/validation_reshaped_all_round --stands 3 --seed 4500 --size 14 --all-round --random-branching
	$(STANDS) runs/stands/validation_bare_all_round --stands 4 --seed 9700 --size 14 --bare --all-round --random-branching
	$(STANDS) runs/stands/other_instruments --stands 8 --seed 9600 --size 18 --closed --random-branching --other-instruments
	$(STANDS) runs/stands/other_instruments --stands 2 --seed 9650 --size 18 --bare --random-branching --other-instruments

virtual-stands: setup # what the trainings learn from, besides real trees
	$(STANDS) runs/stands/fresh --stands 3 --seed 8000 --random-branching
	$(STANDS) runs/stands/fresh_closed --stands 3 --seed 8100 --closed --random-branching
	$(STANDS) runs/stands/fresh_bare --stands 2 --seed 8200 --bare --random-branching
	$(STANDS) runs/stands/fresh_all_round --stands 4 --seed 8300 --size 14 --all-round --random-branching
	$(STANDS) runs/stands/added --stands 4 --seed 8010
	$(STANDS) runs/stands/added_closed --stands 5 --seed 8110 --closed
	$(STANDS) runs/stands/added_bare --stands 2 --seed 8210 --bare
	$(STANDS) runs/stands/added_bare_all_round --stands 3 --seed 8350 --size 14 --bare --all-round --random-branching
	$(STANDS) runs/stands/added_all_round --stands 3 --seed 8310 --size 14 --all-round

planted-stands: setup # real trees under virtual drones, for each fold those that it learns from
	$(STANDS) runs/stands/planted_a --stands 3 --seed 8400 --from-trees $(TREES){AcePse,FagSyl,PicAbi,PseMen}*
	$(STANDS) runs/stands/planted_b --stands 3 --seed 8500 --from-trees $(TREES){AcePse,PinSyl,PseMen,QuePet,QueRub}*
	$(STANDS) runs/stands/planted_c --stands 3 --seed 8600 --from-trees $(TREES){FagSyl,PinSyl,PicAbi,QuePet,QueRub}*

more-virtual-stands: setup # what `train-virtual`, the second and the third training learn from
	$(STANDS) runs/stands/virtual --stands 10 --seed 3400 --random-branching
	$(STANDS) runs/stands/virtual_closed --stands 10 --seed 3300 --closed --random-branching
	$(STANDS) runs/stands/virtual_bare --stands 4 --seed 3500 --bare --random-branching
	$(STANDS) runs/stands/virtual_all_round --stands 8 --seed 4200 --size 14 --all-round --random-branching

fine-twigged-stands: setup # and these, which the teacher and the last two learn from
	$(STANDS) runs/stands/twigs --stands 4 --seed 8700 --forest fine_twigged --random-branching
	$(STANDS) runs/stands/twigs_bare --stands 3 --seed 8720 --size 16 --forest fine_twigged --bare
	$(STANDS) runs/stands/twigs_all_round --stands 2 --seed 8740 --size 14 --forest fine_twigged --all-round
	$(STANDS) runs/stands/twigs_bare_all_round --stands 3 --seed 8760 --size 14 --forest fine_twigged --bare --all-round \
		--random-branching

train: train-both ## the shipped weights and those of the folds again, from the virtual ones (eight hours)
	for model in uav a b c; do $(BIN)/leafwood calibrate runs/both/both/$$model.safetensors $(CALIBRATION) || exit 1; done

calibrate: validation-stands ## fit the shipped weights' probabilities again, and those of the folds (MODELS=...)
	for model in $(MODELS); do $(BIN)/leafwood calibrate $$model $(CALIBRATION) || exit 1; done

train-first: validation-stands virtual-stands planted-stands # the first training, a run for the shipped weights and each fold
	for run in uav folds/a folds/b folds/c; do out=runs/first/$$(basename $$run) && \
		$(BIN)/leafwood train configs/train/$$run.yaml -o $$out --resume && \
		$(AVERAGE) leafwood/weights/virtual.safetensors $$out/model.safetensors -o $$out/averaged.safetensors || exit 1; done

train-kept: validation-stands virtual-stands planted-stands more-virtual-stands # the second, beside the first
	test -f runs/kept/bare/uav.safetensors || $(BIN)/python pipelines/train_together.py configs/together/kept.yaml -o runs/kept

train-paths: train-first train-kept # the third, on from the mean of the two
	for model in uav a b c; do $(AVERAGE) runs/first/$$model/averaged.safetensors runs/kept/bare/$$model.safetensors \
		--share 0.5 -o runs/first/$$model/mean.safetensors || exit 1; done
	test -f runs/paths/settled/uav.safetensors || $(BIN)/python pipelines/train_together.py configs/together/paths.yaml -o runs/paths

train-teacher: validation-stands virtual-stands more-virtual-stands fine-twigged-stands # paths, from virtual stands alone
	for seed in 53 54; do test -f runs/teacher/$$seed/virtual/uav.safetensors || \
		$(BIN)/python pipelines/train_together.py configs/together/virtual_paths.yaml -o runs/teacher/$$seed --set seed=$$seed || exit 1; done
	$(AVERAGE) runs/teacher/53/virtual/uav.safetensors runs/teacher/54/virtual/uav.safetensors --share 0.5 -o runs/teacher/mean.safetensors

train-real: train-paths train-teacher # the fourth, on from the mean of those two, and with the teacher
	for model in uav a b c; do $(AVERAGE) runs/teacher/mean.safetensors runs/paths/settled/$$model.safetensors \
		--share 0.5 -o runs/mixed/$$model.safetensors || exit 1; done
	test -f runs/real/real/uav.safetensors || $(BIN)/python pipelines/train_together.py configs/together/real.yaml -o runs/real

train-both: train-real # the last, on from its mean with the teacher
	for model in uav a b c; do $(AVERAGE) runs/teacher/mean.safetensors runs/real/real/$$model.safetensors \
		--share 0.6 -o runs/both/start/$$model.safetensors || exit 1; done
	test -f runs/both/both/uav.safetensors || $(BIN)/python pipelines/train_together.py configs/together/both.yaml -o runs/both

train-virtual: validation-stands more-virtual-stands ## weights of virtual stands alone, from scratch (four hours; minutes on a GPU)
	$(BIN)/leafwood train configs/train/virtual.yaml -o runs/virtual --resume

picture: setup ## label and draw SCAN=... as PICTURE=...
	@mkdir -p out
	$(BIN)/leafwood segment $(SCAN) -o out/picture.laz --overwrite
	$(BIN)/leafwood render out/picture.laz -o $(PICTURE) --overwrite

clean: ## remove what the other targets made
	rm -rf .venv out build dist site leafwood/kernels/*.so leafwood/kernels/*.pyd *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .benchmarks
	find leafwood tests pipelines -name __pycache__ -type d -prune -exec rm -rf {} +
