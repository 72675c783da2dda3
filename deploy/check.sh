#!/usr/bin/env bash
# The whole gate on a fresh machine: installs what it needs into .venv, then checks and tests everything.
set -euo pipefail
cd "$(dirname "$0")/.."
# Hundreds of processes are started: what one has compiled, the next shall find.
unset PYTHONDONTWRITEBYTECODE
deploy/install.sh dev
bin=.venv/bin
# Tests are shared among the cores; a linear algebra that takes them all in each worker only waits for itself.
export OPENBLAS_NUM_THREADS=1
step() { printf '\n── %s\n' "$1"; shift; "$@"; }
step "ruff: rules" "$bin/ruff" check .
step "ruff: format" "$bin/ruff" format --check --quiet .
# It takes a minute or two of one core, so it runs beside the tests; what it found is told after them.
found=$(mktemp)
"$bin/mypy" >"$found" 2>&1 &
mypy=$!
trap 'kill "$mypy" 2>/dev/null || true; rm -f "$found"' EXIT
types() {
    local status=0
    wait "$mypy" || status=$?
    cat "$found"
    return "$status"
}
step "imports go one way" "$bin/lint-imports" --no-cache
# Where this cannot be had, its tests are skipped, and say so; CI does not let them.
step "Prometheus, for the tests of deploy" "$bin/python" -m tests.deploy.prometheus --install || true
step "other people's clients, for the tests of e2e" "$bin/python" -m tests.conformance.pinned --install || true
step "linters, for the tests of deploy" "$bin/python" -m tests.deploy.linters --install || true
# Only what tests those rooms one by one is measured: measuring takes as long again as testing.
step "tests of the rooms" "$bin/coverage" run -m pytest --numprocesses auto \
    tests/unit/domain tests/unit/wire tests/unit/core tests/unit/policy tests/unit/pipeline
# What takes longest comes first, so that no core waits for it at the end.
step "tests of all else" "$bin/python" -m pytest -rs --numprocesses auto --dist loadgroup \
    tests/unit/router_models tests/property tests/sim tests/deploy tests/architecture tests/chaos tests/contract tests/e2e \
    tests/isolation tests/unit/adapters tests/unit/app tests/unit/conformance tests/unit/load_tests tests/unit/support
step "mypy: strict" types
"$bin/coverage" combine --quiet
step "every branch of domain, wire, core, policy and pipeline is tested" "$bin/coverage" report \
    --include='gateway/domain/*,gateway/wire/*,gateway/core/*,gateway/policy/*,gateway/pipeline/*' \
    --fail-under=100 --skip-covered --show-missing
