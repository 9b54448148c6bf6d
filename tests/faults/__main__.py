"""Inject faults into all writers and count the findings.

python -m tests.faults                             # all kinds of faults, each writer stopped 100 times
python -m tests.faults kills --only codes          # one kind of fault, one writer
python -m tests.faults interruptions               # a training of resnet, interrupted 20 times
python -m tests.faults --times 1 --resumes 20 --interruptions 0
"""

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random

from tests.faults.findings import Row, print_table

KINDS = ("kills", "signals", "failures", "disks", "resumes", "interruptions")


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults", description="Inject faults into everything that writes files."
    )
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"kinds of faults: {', '.join(KINDS)}; default: all")
    parser.add_argument("--times", type=int, default=100, metavar="N", help="how often each writer is stopped")
    parser.add_argument("--resumes", type=int, default=100, metavar="N", help="how often killed runs are resumed")
    parser.add_argument(
        "--interruptions", type=int, default=20, metavar="N", help="how often trainings of resnet are interrupted"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="random seed of the moments")
    parser.add_argument("--only", metavar="WRITER", help="test only this writer")
    arguments = parser.parse_args()
    if unknown := set(arguments.kinds) - set(KINDS):
        parser.error(f"no such kind: {', '.join(sorted(unknown))}")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory(prefix="aecli-faults-") as name:
        root = Path(name)
        root.chmod(0o755)
        for variable in ("HOME", "AECLI_CACHE", "AECLI_DATA", "MPLCONFIGDIR"):
            os.environ[variable] = str(root / "user")
        return min(1, print_table(_rows(arguments, root)))


def _rows(arguments: argparse.Namespace, root: Path) -> Iterator[Row]:
    from tests.faults import failing, killing, resuming, starving
    from tests.faults.children import in_child
    from tests.faults.writers import all_writers, make_material

    material = root / "material"
    kinds = arguments.kinds or KINDS
    if not {"resumes", "interruptions"}.issuperset(kinds):
        material.mkdir()
        in_child(lambda: make_material(material))
    for writer in all_writers(material) if material.exists() else ():
        if arguments.only in (None, writer.name):
            for kind in kinds:
                folder = root / kind / writer.name
                folder.mkdir(parents=True)
                if kind == "kills":
                    yield killing.stop(writer, signal.SIGKILL, arguments.times, folder, Random(arguments.seed))
                elif kind == "signals":
                    yield killing.stop(writer, signal.SIGTERM, arguments.times, folder, Random(arguments.seed))
                elif kind == "failures":
                    yield from failing.refuse(writer, folder)
                elif kind == "disks":
                    yield from starving.starve(writer, folder)
    if "failures" in kinds and not arguments.only:
        yield from failing.refuse_training(root / "failures", max(1, 100 // max(1, arguments.times)))
    if "resumes" in kinds and not arguments.only:
        for number, times in ((signal.SIGKILL, arguments.resumes), (signal.SIGTERM, arguments.times)):
            folder = root / number.name
            folder.mkdir()
            yield resuming.stop_and_resume(resuming.MLP, [number], times, folder, Random(arguments.seed))
    if "interruptions" in kinds and not arguments.only and arguments.interruptions:
        signals, folder = [signal.SIGINT, signal.SIGTERM], root / "interruptions"
        folder.mkdir()
        yield resuming.stop_and_resume(
            resuming.RESNET, signals, arguments.interruptions, folder, Random(arguments.seed)
        )


if __name__ == "__main__":
    sys.exit(main())
