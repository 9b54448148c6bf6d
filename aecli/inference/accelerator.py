"""Whether a GPU may be here, told without torch."""

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

LINUX_DEVICES = ("nvidiactl", "nvidia0", "nvmap", "dxg", "kfd")
"""Under `/dev`: NVIDIA's driver, on servers and on Jetson; a GPU of Windows under WSL; AMD's driver."""


def may_have_accelerator() -> bool:
    """Tell whether torch may find a GPU here. A wrong yes costs the import of torch, which then looks itself."""
    match sys.platform:
        case "linux":
            return any(Path("/dev", name).exists() for name in LINUX_DEVICES) or _may_have_intel_gpu()
        case "darwin":
            return platform.machine() == "arm64"
        case "win32":
            return Path(os.environ.get("SYSTEMROOT", "C:/Windows"), "System32", "nvcuda.dll").exists()
    return True


def _may_have_intel_gpu() -> bool:
    """Any computer with a console has `/dev/dri`, but torch runs on Intel's GPUs only where it was built for them."""
    if not Path("/dev/dri").exists():
        return False
    try:
        return "xpu" in version("torch")
    except PackageNotFoundError:
        return False
