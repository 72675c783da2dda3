#!/usr/bin/env bash
# The demo on a fresh machine: installs what it needs into .venv, then runs it. Arguments go to `tiergate demo`.
set -euo pipefail
cd "$(dirname "$0")/.."
# What the installer has not compiled, the first of the demo's processes does for all.
unset PYTHONDONTWRITEBYTECODE
deploy/install.sh demo
exec .venv/bin/tiergate demo "$@"
