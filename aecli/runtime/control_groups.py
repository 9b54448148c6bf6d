"""The control groups of Linux that limit this process: those of a container, of a batch job or of a service."""

from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
OWN_GROUPS = Path("/proc/self/cgroup")


def own_groups(controller: str) -> Iterator[tuple[int, Path]]:
    """Yield the version and the folder of each group that this process is in, and of its parents.

    Groups of version 1 are those of a controller, such as `cpu` or `memory`; those of version 2 are of all controllers.
    In a container, the names of the groups may be those of the host: the limits are then those of the mounted root.
    """
    try:
        lines = OWN_GROUPS.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not controllers:
            version, root = 2, ROOT
        elif controller in controllers.split(","):
            version, root = 1, ROOT / controllers
            root = root if root.is_dir() else ROOT / controller
        else:
            continue
        group = root / path.lstrip("/")
        for folder in (group, *group.parents):
            if folder.is_relative_to(root):
                yield version, folder
