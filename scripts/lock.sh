#!/bin/sh
# Resolve what pyproject.toml asks for into requirements.lock: every version fixed, every file known by its hash, for
# every Python and platform at once, and no word about where the files come from.
set -eu
cd "$(dirname "$0")/.."
exec uv pip compile pyproject.toml --extra test --extra lint --extra fuzz --extra dashboards --universal --python-version 3.11 --generate-hashes \
  --no-header --no-annotate --no-emit-index-url --output-file requirements.lock "$@"
