#!/bin/sh
# Install uv into .uv/ with the Python that is here. Says in a sentence what is missing.
set -eu

fail() {
    echo "Error: $1" >&2
    exit 1
}

command -v python3 >/dev/null || fail "python3 isn't installed; Emoscope needs Python 3.11 or newer"
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "python3 is $(python3 -V 2>&1 | cut -d' ' -f2); Emoscope needs Python 3.11 or newer"
python3 -m venv .uv || fail "python3 can't make a virtual environment (on Debian: apt install python3-venv)"
.uv/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9' || {
    rm -rf .uv
    fail "uv could not be installed; is the package index reachable?"
}
