#!/usr/bin/env bash
# The whole gate on a fresh machine: installs what it needs into .venv, then checks and tests everything.
set -euo pipefail
cd "$(dirname "$0")/.."
deploy/install.sh dev
bin=.venv/bin
step() { printf '\n── %s\n' "$1"; shift; "$@"; }
step "ruff: rules" "$bin/ruff" check .
step "ruff: format" "$bin/ruff" format --check --quiet .
step "mypy: strict" "$bin/mypy"
step "imports go one way" "$bin/lint-imports" --no-cache
step "tests within a process, on every core" "$bin/coverage" run -m pytest --numprocesses auto \
    tests/architecture tests/property tests/sim tests/unit
step "tests of whole processes" "$bin/python" -m pytest tests/chaos tests/contract tests/e2e
"$bin/coverage" combine --quiet
step "every branch of domain, wire, core, policy and pipeline is tested" "$bin/coverage" report \
    --include='gateway/domain/*,gateway/wire/*,gateway/core/*,gateway/policy/*,gateway/pipeline/*' \
    --fail-under=100 --skip-covered --show-missing
