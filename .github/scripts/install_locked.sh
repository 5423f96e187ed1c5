#!/usr/bin/env bash
# Install requirements/NAME.txt for every NAME into .venv, where make then finds the packages.
# uv needs a ninth of pip's processor time, and checks every package against its locked hash.
# No cache is kept between runs: a pull request could change one for its own next run.
set -euo pipefail
if [ -e .venv/bin/python ]; then exit 0; fi
python -m venv .venv
uv=$(mktemp)
sed -n '/^uv==/,/[^\\]$/p' requirements/dev.txt > "$uv"
.venv/bin/python -m pip install --quiet --no-deps --require-hashes --requirement "$uv"
for name in "$@"; do
  VIRTUAL_ENV=.venv .venv/bin/uv pip install --quiet --no-deps --require-hashes \
    --requirement "requirements/$name.txt"
done
