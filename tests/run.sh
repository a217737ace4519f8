#!/usr/bin/env bash
# Every test, cheapest first. A cluster that was not up before is taken down again at the end.
set -euo pipefail
cd "$(dirname "$0")/.."

export PYTHONPATH=operator:images/artifact:images/compiler:images/serving:images/triton:images/torchserve:tests:tests/images/toolbox
python=.venv/bin/python

step() { printf '\n==> %s\n' "$*"; }

# Says that these tests have started the cluster, even if they are killed before they take it down.
ours=build/cluster-of-the-tests
inimage=
finish() {
    [ -z "$inimage" ] || kill "$inimage" 2> /dev/null || true
    if [ -e "$ours" ] && [ -z "${KEEP_CLUSTER:-}" ]; then
        step "Taking the cluster down (KEEP_CLUSTER=1 keeps it)"
        $python -m cluster down
        rm -f "$ours"
    fi
}

step "Lint"
make --no-print-directory lint

step "Generated files"
$python -m crdtools --check

step "Unit and golden tests"
$python -m pytest -q tests/unit tests/golden tests/kstatus

step "Alerts, dashboards and the guide's queries, evaluated by Prometheus"
$python -m pytest -q tests/monitoring

step "Recipes: the Neuron images on stand-ins for AWS containers, and the release workflow"
$python -m pytest -v --durations=5 tests/families tests/release

trap finish EXIT
step "Cluster"
mkdir -p build
[ -e "$($python -m cluster kubeconfig)" ] || touch "$ours"
$python -m cluster up

step "Images"
$python -m support.images

# The compiler's suite wants the processors, the API server's tests wait for most of their time: both at once.
step "Chart and API server tests, and beside them the compiler's and the servers' own, in their image"
$python -m pytest -v --durations=20 tests/inimage > build/inimage.log 2>&1 &
inimage=$!
failed=
$python -m pytest -v --durations=20 tests/security tests/chart tests/guide tests/apiserver || failed=yes
echo "... waiting for the tests in the image (build/inimage.log)"
wait $inimage || failed=yes
cat build/inimage.log

step "End-to-end tests"
$python -m pytest -v --durations=20 tests/e2e || failed=yes
[ -z "$failed" ]
