"""Stop and starve all that writes, and count what is found.

python -m tests.faults                             # everything, 100 stops of each writer
python -m tests.faults kills --only codes          # one kind, one writer
python -m tests.faults --times 1 --resumes 20      # what `make test` does
"""

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random

from tests.faults.findings import Row, show

KINDS = ("kills", "signals", "failures", "disks", "resumes")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description="Stop and starve all that writes.")
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"of {', '.join(KINDS)}; else all")
    parser.add_argument("--times", type=int, default=100, metavar="N", help="stops of each writer")
    parser.add_argument("--resumes", type=int, default=100, metavar="N", help="of runs that were killed")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the moments")
    parser.add_argument("--only", metavar="WRITER", help="one writer")
    asked = parser.parse_args()
    if unknown := set(asked.kinds) - set(KINDS):
        parser.error(f"no such kind: {', '.join(sorted(unknown))}")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory(prefix="aecli-faults-") as name:
        root = Path(name)
        root.chmod(0o755)
        for variable in ("HOME", "AECLI_CACHE", "AECLI_DATA", "MPLCONFIGDIR"):
            os.environ[variable] = str(root / "user")
        return min(1, show(_rows(asked, root)))


def _rows(asked: argparse.Namespace, root: Path) -> Iterator[Row]:
    from tests.faults import failing, killing, resuming, starving
    from tests.faults.children import in_child
    from tests.faults.writers import all_writers, make_material

    material = root / "material"
    kinds = asked.kinds or KINDS
    if kinds != ["resumes"]:
        material.mkdir()
        in_child(lambda: make_material(material))
    for writer in all_writers(material) if material.exists() else ():
        if asked.only in (None, writer.name):
            for kind in kinds:
                folder = root / kind / writer.name
                folder.mkdir(parents=True)
                if kind == "kills":
                    yield killing.stop(writer, signal.SIGKILL, asked.times, folder, Random(asked.seed))
                elif kind == "signals":
                    yield killing.stop(writer, signal.SIGTERM, asked.times, folder, Random(asked.seed))
                elif kind == "failures":
                    yield from failing.refuse(writer, folder)
                elif kind == "disks":
                    yield from starving.starve(writer, folder)
    if "failures" in kinds and not asked.only:
        yield from failing.refuse_training(root / "failures", max(1, 100 // max(1, asked.times)))
    if "resumes" in kinds and not asked.only:
        for number, times in ((signal.SIGKILL, asked.resumes), (signal.SIGTERM, asked.times)):
            folder = root / number.name
            folder.mkdir()
            yield resuming.stop_and_resume(number, times, folder, Random(asked.seed))


if __name__ == "__main__":
    sys.exit(main())
