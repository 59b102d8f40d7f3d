#!/usr/bin/env bash
# Builds the wheel of the Python package around a program that is built already, installs it, and runs the package's tests.
#
#     tests/python_package.sh SQUALL VENV
#
# VENV is a virtual environment with setuptools, pytest and what the tests read results with. Nothing is downloaded, and the
# checkout stays as it is.
set -euo pipefail
SQUALL_PROGRAM=$(realpath "$1")
python=$(realpath "$2")/bin/python
export SQUALL_PROGRAM
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/python"
cp Cargo.toml "$work"
cp -r python/pyproject.toml python/setup.py python/README.md python/src "$work/python"

"$python" -m pip wheel -q --no-deps --no-build-isolation --no-index -w "$work/wheels" "$work/python"
ls -l "$work"/wheels/squall-*-py3-none-*.whl
"$python" -m pip install -q --no-deps --no-index --force-reinstall "$work"/wheels/*.whl

# The tests run the wheel's own program.
unset SQUALL_PROGRAM
"$(dirname "$python")/squall" --version
cd python
"$python" -B -m pytest -q -p no:cacheprovider
