"""Run all actors at once until the time is over, and count the findings.

python -m tests.soak                        # two hours
python -m tests.soak --minutes 3            # at least one round of each actor
python -m tests.soak --minutes 10 pipeline  # one actor
"""

import argparse
import os
import signal
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from threading import Event

from tests.soak.actor import Actor
from tests.soak.commands import ROOT, USER, require_this_package
from tests.soak.killed_training import KilledTraining
from tests.soak.litter import litter
from tests.soak.material import make_material
from tests.soak.parallel_detection import ParallelDetection
from tests.soak.pipeline import Pipeline
from tests.soak.processes import processes_with, zombies_of
from tests.soak.small_disk import SmallDisk
from tests.soak.watch import Watch, WatchWithTorch

ACTORS: dict[str, type[Actor]] = {
    "pipeline": Pipeline,
    "xargs": ParallelDetection,
    "watch": Watch,
    "watch-torch": WatchWithTorch,
    "killed-training": KilledTraining,
    "small-disk": SmallDisk,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description="Run many commands at once, for hours.")
    parser.add_argument("actors", nargs="*", metavar="ACTOR", help=f"{', '.join(ACTORS)}; default: all")
    parser.add_argument("--minutes", type=float, default=120, metavar="N", help="no round starts after this time")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="random seed of moments and sizes")
    arguments = parser.parse_args()
    if unknown := set(arguments.actors) - set(ACTORS):
        parser.error(f"no such actor: {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory(prefix="aecli-soak-") as name:
        root = Path(name)
        _isolate(root)
        require_this_package()
        material = make_material(root / "material")
        actors = [
            ACTORS[each](each, material, root / each, Random(f"{arguments.seed} {each}"))
            for each in arguments.actors or ACTORS
        ]
        _work(actors, arguments.minutes)
        remains = _remains(root)
    print("| actor | rounds | what it did | findings |\n| --- | --- | --- | --- |")
    for actor in actors:
        print(f"| {actor.name} | {actor.rounds:,} | {actor.summary()} | {len(actor.findings):,} |")
    print(f"| afterwards | | processes, zombies, temporary files | {len(remains)} |", flush=True)
    print(*(f"afterwards: {finding}\n" for finding in remains), sep="", end="", file=sys.stderr)
    return min(1, len(remains) + sum(len(actor.findings) for actor in actors))


def _isolate(root: Path) -> None:
    """Keep the commands away from the folders of the user, and use one thread, which makes results repeatable."""
    for variable in USER:
        os.environ[variable] = str(root / "user" / variable.lower())
    (root / "user" / "home").mkdir(parents=True)
    os.environ |= {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    for variable in ("MAKEFLAGS", "MAKELEVEL"):
        os.environ.pop(variable, None)


def _work(actors: list[Actor], minutes: float) -> None:
    """Let the actors work until the time is over; SIGINT and SIGTERM end it after the current rounds."""
    over = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    with ThreadPoolExecutor(len(actors)) as pool:
        working = [pool.submit(actor.work, over) for actor in actors]
        over.wait(60 * minutes)
        over.set()
        for each in working:
            each.result()


def _remains(root: Path) -> list[str]:
    """Return the processes and the temporary files that remain."""
    return [
        *(f"process {process}" for process in processes_with("HOME", os.environ["HOME"]) if process.pid != os.getpid()),
        *(f"zombie {process}" for process in zombies_of(os.getpid())),
        *(f"temporary file {path}" for path in litter(root)),
    ]


if __name__ == "__main__":
    sys.exit(main())
