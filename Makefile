# Each target sets up what it needs. Prerequisites: Python 3.11 or 3.12, a JDK 17, Maven 3.8+, make.
PYTHON ?= python3
BIN := .venv/bin
MAVEN := mvn -B -q -f runtime/flink-connector-tensorflow
SETUP := .venv/.setup

.PHONY: e2e e2e-short faults setup demo digits johnny linear ranking wine-live test test-fast test-java test-integration test-long bench lint format docs deploy clean dist images images-gpu cluster-up cluster-down
.DELETE_ON_ERROR:

setup: $(SETUP)

# The connector's jar is built by the installation (runtime/build_connector.py), from exactly these sources.
$(SETUP): pyproject.toml constraints.txt runtime/build_connector.py $(shell find runtime/flink-connector-tensorflow/src/main runtime/flink-connector-tensorflow/pom.xml -type f)
	@command -v mvn >/dev/null || { echo "Maven 3.8 or newer is missing (Debian: apt-get install maven)"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' || { echo "Python 3.11 or 3.12 is needed: make PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[flink,tensorflow,operator,dev]'
	@touch $@

demo: setup
	$(BIN)/flinktf run examples/wine/job.yaml

digits: setup
	$(BIN)/flinktf run examples/digits/job.yaml

johnny: setup
	$(BIN)/flinktf run examples/johnny/train.yaml
	rm -rf examples/johnny/outcomes
	$(BIN)/flinktf run examples/johnny/johnny.yaml
	@cat examples/johnny/outcomes/*

ranking: setup
	$(BIN)/flinktf run examples/ranking/train.yaml
	rm -rf examples/ranking/top
	$(BIN)/flinktf run examples/ranking/rank.yaml

linear: setup
	$(BIN)/flinktf run examples/linear/train.yaml
	$(BIN)/flinktf run examples/linear/estimator.yaml
	$(BIN)/flinktf run examples/linear/apply.yaml

# Two jobs and a Kafka broker, for about two minutes.
wine-live: setup
	$(BIN)/python examples/wine-live/demo.py

# Fast tests first; each suite must pass before the next, slower one begins.
test: lint test-fast test-java test-integration

test-fast: setup
	$(BIN)/pytest tests/unit

test-java: setup
	$(MAVEN) verify

test-integration: setup
	$(BIN)/pytest tests/integration tests/faults -m 'not long'

# What takes too long for each commit, for about a quarter of an hour; of the faults, `make faults` has it.
test-long: setup
	$(BIN)/pytest tests/integration -m long

# Every fault with every strategy, for an hour. It takes root, or sudo: some faults are done to file systems and to the network.
# For more: .venv/bin/python -m faults.random --runs 50, and python -m faults.week --minutes 60, in tests.
faults: setup
	@PATH=$$PATH:/usr/sbin; command -v iptables >/dev/null || $$([ "$$(id -u)" = 0 ] || echo sudo) sh -c 'apt-get update -qq && apt-get install -y -qq iptables'
	$(BIN)/pytest tests/faults

bench: setup
	$(BIN)/python -m bench
	$(BIN)/python -m bench.inference
	$(BIN)/python -m bench.failover
	$(BIN)/python -m bench.operators
	$(MAKE) cluster-up
	$(BIN)/python -m bench.failover.pods
	$(MAKE) cluster-down

lint: setup
	$(BIN)/ruff format --check --no-cache .
	$(BIN)/ruff check --no-cache .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: setup
	$(BIN)/python -m flinktf.api.reference > docs/reference.md
	$(BIN)/python -m flinktf.api.crd > crds/flinktf.dev_flinktfjobs.yaml

# The chart's copy of the CRD, its table of values, and deploy/base; after every change of the API or the chart.
deploy: docs
	PATH=$$(tests/cluster/binaries.sh):$$PATH $(BIN)/python deploy/generate.py

clean:
	rm -rf .venv flinktf-runs runtime/flink-connector-tensorflow/target runtime/flinktf/jars

# What the images are built from: the wheel, and the requirements of each of its extras.
dist: setup
	rm -rf dist
	$(BIN)/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .
	cp constraints.txt dist/
	$(BIN)/python tests/cluster/requirements.py operator flink tensorflow

images: dist
	tests/cluster/images.sh

# 2 GB of CUDA: only who needs it builds it.
images-gpu: dist
	tests/cluster/images.sh tensorflow-gpu

# On a kind cluster with the project's images, or on the one of $$KUBECONFIG.
e2e: cluster-up
	$(BIN)/pytest tests/e2e

# The same without what takes minutes: for each commit.
e2e-short: cluster-up
	$(BIN)/pytest tests/e2e -m 'not long'

cluster-up: images
	tests/cluster/up.sh
	tests/cluster/load.sh

cluster-down:
	tests/cluster/down.sh
