"""Guess whether a GPU is available, without importing torch."""

import os
import platform
import sys
from pathlib import Path

LINUX_DEVICES = ("nvidiactl", "nvidia0", "nvmap", "dxg", "kfd")
"""Files in `/dev`: NVIDIA's driver, on servers and on Jetson; a GPU of Windows under WSL; AMD's driver."""


def may_have_accelerator() -> bool:
    """Return whether torch may find a GPU. A wrong True only costs the import of torch, which then checks itself."""
    match sys.platform:
        case "linux":
            return any(Path("/dev", name).exists() for name in LINUX_DEVICES) or _may_have_intel_gpu()
        case "darwin":
            return platform.machine() == "arm64"
        case "win32":
            return Path(os.environ.get("SYSTEMROOT", "C:/Windows"), "System32", "nvcuda.dll").exists()
    return True


def _may_have_intel_gpu() -> bool:
    """Return whether torch was built for Intel's GPUs: `/dev/dri` alone exists on any machine with a display."""
    if not Path("/dev/dri").exists():
        return False
    from importlib.metadata import PackageNotFoundError, version

    try:
        return "xpu" in version("torch")
    except PackageNotFoundError:
        return False
