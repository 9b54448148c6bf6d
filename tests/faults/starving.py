"""Let writers run out of disk space or permission."""

import os
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from aecli.errors import UnavailableError
from tests.faults.children import in_child
from tests.faults.findings import Row
from tests.faults.killing import write_versions
from tests.faults.writers import Tree, Writer, tree

NOBODY = 65534
DISK_BYTES = 4 << 20
PAGE = 4096


def starve(writer: Writer, folder: Path) -> Iterator[Row]:
    """Let the writer write a new version without enough space, and into a read-only folder."""
    versions = in_child(lambda: write_versions(writer, folder))
    largest = max(map(len, versions[1].values()))
    limits = (0, largest // 2, largest - 1)
    findings = [
        finding
        for limit in limits
        for finding in _refused(writer, folder / f"limit{limit}", versions, partial(_limit_file_size, limit))
    ]
    yield Row(f"size limit, {writer.name}", len(limits), findings)

    place = folder / "disk"
    with small_disk(place) as mounted:
        if mounted:
            room = largest // 2 // PAGE * PAGE
            yield Row(
                f"full disk, {writer.name}",
                1,
                _refused(writer, place / "output", versions, partial(_fill, place, room)),
            )

    place = folder / "read-only"
    yield Row(f"read-only folder, {writer.name}", 1, _refused(writer, place, versions, partial(_make_read_only, place)))


def _refused(writer: Writer, place: Path, versions: tuple[Tree, Tree], starve: Callable[[], None]) -> list[str]:
    def work() -> list[str]:
        writer.prepare(place)
        writer.write(place, 0)
        writer.prepare(place)
        starve()
        try:
            writer.write(place, 1)
        except UnavailableError as error:
            return [f"an error of two lines: {error.message}"] if "\n" in error.message else []
        except Exception as error:
            return [f"{type(error).__name__}: {error}"]
        return ["no error"]

    findings = in_child(work)
    found = tree(place)
    if not writer.allowed(found, *versions) or found == versions[1]:
        findings.append(f"neither the old nor the new version: {', '.join(found)}")
    return findings


def _limit_file_size(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def _fill(disk: Path, room: int) -> None:
    (disk / "ballast").write_bytes(bytes(shutil.disk_usage(disk).free - room))


def _make_read_only(place: Path) -> None:
    for folder in (place, *(path for path in place.rglob("*") if path.is_dir())):
        folder.chmod(0o555)
    if os.getuid() == 0:  # root may write anywhere
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)


@contextmanager
def small_disk(place: Path) -> Iterator[bool]:
    """Mount a small disk in memory; yield whether this process is allowed to."""
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(place)]
    mounted = (
        shutil.which("mount") is not None and subprocess.run(mount, capture_output=True, check=False).returncode == 0
    )
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", str(place)], check=True)
