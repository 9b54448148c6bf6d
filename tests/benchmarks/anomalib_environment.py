"""A Python environment with anomalib, which uses the packages of the running one as far as they fit."""

import subprocess
import sysconfig
import venv
from importlib.metadata import version
from pathlib import Path

from tests.benchmarks.measuring import log, run

REQUIREMENT = "anomalib>=2.7,<3"
SHARED = ("torch", "torchvision", "timm")
"""Packages that must be those of the running environment, because they are large or affect the result."""


def make_environment(folder: Path) -> Path:
    """Return the interpreter of an environment with anomalib in `folder`, after creating it if it is not there."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        purelib = run_text(python, "import sysconfig; print(sysconfig.get_path('purelib'))")
        Path(purelib, "running.pth").write_text(f"{sysconfig.get_path('purelib')}\n", encoding="utf-8")
    if run_text(python, "import importlib.util as u; print(bool(u.find_spec('anomalib')))") != "True":
        pins = [f"{name}=={version(name)}" for name in SHARED]
        log(f"installing {REQUIREMENT} in {folder}")
        run([python, "-m", "pip", "install", "--quiet", REQUIREMENT, *pins])
    return python


def run_text(python: Path, code: str) -> str:
    """Run code in an environment; return what it prints."""
    done = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True)
    return done.stdout.strip()
