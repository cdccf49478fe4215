"""A copy of this tree whose hot path is compiled, as the wheel has it: what is measured is the source at hand."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
_BUILD = """
import sys, types
from pathlib import Path
# hatch_build.py is a plugin of the build; only its compiler is wanted here.
module = types.ModuleType("hatchling.builders.hooks.plugin.interface")
module.BuildHookInterface = object
for name in ("hatchling", "hatchling.builders", "hatchling.builders.hooks", "hatchling.builders.hooks.plugin"):
    sys.modules.setdefault(name, types.ModuleType(name))
sys.modules[module.__name__] = module
sys.path.insert(0, ".")
from hatch_build import compile_modules
compile_modules(Path.cwd(), Path.cwd())
"""


def compiled_tree(folder: Path) -> Path:
    """Raises RuntimeError where it cannot be compiled (it needs mypy, setuptools and a C compiler)."""
    sys.stderr.write("compiling the hot path, a minute\n")
    folder.mkdir()
    for name in ("adapters", "gateway", "policies"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "hatch_build.py", folder)
    run = subprocess.run([sys.executable, "-c", _BUILD], cwd=folder, capture_output=True, text=True, check=False)
    if run.returncode:
        raise RuntimeError(f"the hot path could not be compiled:\n{run.stderr[-2000:]}")
    return folder
