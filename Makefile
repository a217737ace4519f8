# Everything a newcomer needs is `make demo` and `make test`; `make help` lists the rest.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
RUN := PYTHONPATH=operator:images:images/artifact:images/compiler:images/serving:images/triton:images/torchserve:tests:tests/images/toolbox $(VENV)/bin/python

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

$(VENV)/ready: pyproject.toml uv.lock
	@echo "==> Python environment"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: set PYTHON=/path/to/python3.11")'
	@test -x $(VENV)/bin/pip || $(PYTHON) -m venv --clear $(VENV)
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check uv==0.13.8
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(VENV)/bin/uv sync --frozen --inexact --active --quiet
	@touch $@

.PHONY: venv
venv: $(VENV)/ready ## Make the Python environment in .venv

.PHONY: demo
demo: venv cluster-images ## Compile, serve and ask GPT-2 and MiniLM on a real cluster
	@$(RUN) -m demo

.PHONY: test
test: venv ## Run every test: lint, unit, chart, API server, end to end
	@tests/run.sh

.PHONY: test-kind
test-kind: venv ## Run every test on kind, which needs Docker
	@CLUSTER_PROVIDER=kind tests/run.sh

.PHONY: lint
lint: venv ## ruff, mypy --strict, import layers
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@PYTHONPATH=operator:images/artifact:images/compiler:images/serving:images/triton:images/torchserve $(VENV)/bin/lint-imports

.PHONY: unit
unit: venv ## The tests that need no cluster
	@$(VENV)/bin/python -m pytest -q tests/unit tests/golden

.PHONY: golden
golden: venv ## Write the golden manifests anew; read the difference before you commit it
	@UPDATE_GOLDEN=1 $(VENV)/bin/python -m pytest -q tests/golden tests/chart/test_rendering.py

.PHONY: bench
bench: venv cluster ## Measure (ONLY=name: a part), and write docs/benchmarks.json and its tables
	@$(RUN) -m bench $(if $(ONLY),--only $(ONLY))

.PHONY: torture
torture: venv torture-disks cluster ## Kill and stall writers on a bad file system, then compilers on a cluster (an hour)
	@$(RUN) -m torture $(TORTURE)

.PHONY: torture-disks
torture-disks: venv ## The first part of it: 1,000 kills, stalls and errors of the store's files (no cluster)
	@$(RUN) -m torture.disks $(DISKS)

.PHONY: soak
soak: venv cluster ## Valid, hostile and mutated requests to both runtimes for half an hour, then ten minutes of dear ones
	@$(RUN) -m soak $(SOAK)

.PHONY: rollouts
rollouts: venv cluster ## Change, drain, kill and break a model under traffic, 20 times each kind (ROLLOUTS="--runs 2 --kind undo")
	@$(RUN) -m rollouts $(ROLLOUTS)

.PHONY: alike
alike: venv cluster ## The same 5,000 requests to both runtimes, and their answers compared
	@ALIKE_REQUESTS=5000 $(RUN) -m pytest -q tests/e2e/test_alike.py

.PHONY: models
models: venv cluster ## Try every architecture, network and chain (an hour or two; MODELS="--only 'timm/*'": a part), and write docs/models.md
	@$(RUN) -m models $(MODELS)

.PHONY: eks
eks: venv ## Check models on a cluster with Neuron hardware, beside twins for the CPU (tests/eks)
	@$(RUN) -m eks $(EKS)

.PHONY: cluster
cluster: venv ## Start a cluster (kind where Docker answers, else a local one) and print its kubeconfig
	@$(RUN) -m cluster up

.PHONY: cluster-down
cluster-down: venv ## Stop the cluster and leave nothing behind
	@$(RUN) -m cluster down

.PHONY: images
images: ## Build the images (FAMILY="cpu neuronx", REGISTRY=host/path to push there); no cluster is needed
	@$(PYTHON) images/build.py --family $(or $(FAMILY),cpu) $(if $(REGISTRY),--registry $(REGISTRY) --push)

.PHONY: hashes
hashes: venv ## Write the hashes of what the images install, after a pin was changed
	@images/hash-requirements

.PHONY: cluster-images
cluster-images: venv cluster ## Build the images and those of the tests, and push them to the local cluster's registry
	@$(RUN) -m support.images

.PHONY: crds
crds: venv ## Write the generated parts of the CRDs, the chart's copy and docs/api.md anew
	@$(RUN) -m crdtools

.PHONY: verify
verify: venv ## Make generated files anew and demand that nothing changes
	@$(RUN) -m bench.tables
	@$(RUN) -m crdtools
	@git diff --exit-code

.PHONY: clean
clean: ## Remove the demo, the cluster, the images and everything built in the checkout
	@if [ -e $(VENV)/ready ]; then $(RUN) -m cluster down; fi
	@$(PYTHON) images/build.py --remove >/dev/null
	@rm -rf build .mypy_cache .pytest_cache .ruff_cache .import_linter_cache $(VENV)
