"""`python -m gateway.config --markdown` prints docs/configuration.md."""

from __future__ import annotations

import sys

from gateway.config.markdown import markdown

if sys.argv[1:] != ["--markdown"]:
    sys.exit("usage: python -m gateway.config --markdown")
sys.stdout.write(markdown())
