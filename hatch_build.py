"""Build of the wheel: the modules on the hot path become C, from the very same source, where there is a compiler.

mypyc, a part of mypy, compiles typed Python; the modules stay in the wheel as Python too. Without a compiler, or with
MENSHEN_PLAIN_WHEEL=1, the wheel is a plain one, which behaves alike; the gateway's log and `/readyz` tell which runs.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

MODULES = (
    "gateway/net/relay.py",
    "adapters/postgres/plan.py",
    "adapters/postgres/live.py",
    "adapters/postgres/wire/framing.py",
    "adapters/postgres/wire/requests.py",
    "adapters/postgres/wire/responses.py",
    "adapters/postgres/session/channel.py",
    "adapters/postgres/session/conversation.py",
    "adapters/postgres/session/expected.py",
    "adapters/postgres/session/lookups.py",
    "adapters/postgres/session/native.py",
    "adapters/postgres/session/refuse.py",
    "adapters/postgres/session/replies.py",
    "adapters/postgres/session/requests.py",
    "adapters/postgres/session/rows.py",
    "adapters/postgres/session/subjects.py",
    "adapters/postgres/session/usual.py",
    "adapters/postgres/session/withhold.py",
)
"""What every statement passes through. Metrics and the trail's writer gain nothing: their time is in C already."""


def compile_modules(root: Path, into: Path) -> None:
    """Compile MODULES of `root` into the same places of `into`. Raises RuntimeError where it cannot be done."""
    try:  # imported here: a machine that builds no wheel needs none of it
        from mypyc.build import mypycify
        from setuptools import Distribution
        from setuptools.command.build_ext import build_ext

        with tempfile.TemporaryDirectory() as work, contextlib.chdir(root):
            options = Path(work, "mypy.ini")
            # The build's environment has none of what the gateway depends on.
            options.write_text("[mypy]\nignore_missing_imports = true\ncache_dir = /dev/null\n")
            extensions = mypycify(
                [f"--config-file={options}", *MODULES], opt_level="3", debug_level="0", target_dir=work
            )
            command = build_ext(Distribution({"name": "menshen", "ext_modules": extensions}))
            command.build_lib, command.build_temp = str(into), work
            command.ensure_finalized()
            command.run()
    except (Exception, SystemExit) as error:
        raise RuntimeError(f"{type(error).__name__}: {error}") from error


class CompiledDataPath(BuildHookInterface):  # type: ignore[type-arg]
    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        self._into = Path(tempfile.mkdtemp(prefix="menshen-build-"))
        if self.target_name != "wheel" or version == "editable" or os.environ.get("MENSHEN_PLAIN_WHEEL"):
            return
        try:
            compile_modules(Path(self.root), self._into)
        except RuntimeError as error:
            self.app.display_warning(f"the wheel is a plain one, its data path could not be compiled: {error}")
            return
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        for path in self._into.rglob("*"):
            if path.is_file():
                build_data["force_include"][str(path)] = str(path.relative_to(self._into))

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        shutil.rmtree(self._into, ignore_errors=True)
