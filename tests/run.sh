#!/usr/bin/env bash
# Every test, cheapest first. A cluster that was not up before is taken down again at the end.
set -euo pipefail
cd "$(dirname "$0")/.."

export PYTHONPATH=operator:images/artifact:images/compiler:images/triton:tests:tests/images/toolbox
python=.venv/bin/python

step() { printf '\n==> %s\n' "$*"; }

was_up=$([ -e "$($python -m cluster kubeconfig)" ] && echo yes || echo no)
finish() {
    if [ "$was_up" = no ]; then
        step "Taking the cluster down (KEEP_CLUSTER=1 keeps it)"
        [ -n "${KEEP_CLUSTER:-}" ] || $python -m cluster down
    fi
}

step "Lint"
make --no-print-directory lint

step "Unit and golden tests"
$python -m pytest -q tests/unit tests/golden

trap finish EXIT
step "Cluster"
$python -m cluster up

step "Images"
$python -m support.images

step "Chart, API server, compiler and end-to-end tests"
$python -m pytest -v tests/chart tests/apiserver tests/inimage tests/e2e
