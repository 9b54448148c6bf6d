"""`python -m tests.fuzz`."""

import argparse
import os
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.fuzz.worker import Finding

KEPT = Path(__file__).parent / "kept"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Read damaged files of all kinds.")
    parser.add_argument("readers", nargs="*", metavar="READER", help="the readers to test; default: all")
    parser.add_argument("--mutations", type=int, default=10_000, metavar="N", help="damaged files per reader")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="random seed")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="write the files of findings to DIR")
    parser.add_argument("--seeds", type=Path, metavar="DIR", help="folder of the valid files; created if missing")
    arguments = parser.parse_args()

    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory(prefix="aecli-fuzz-") as name:
        root = Path(name)
        for variable in ("HOME", "AECLI_CACHE", "AECLI_DATA", "MPLCONFIGDIR", "TMPDIR"):
            os.environ[variable] = str(root / "work")
        (root / "work").mkdir()
        seeds = arguments.seeds or root / "seeds"
        return _run(arguments, seeds, root / "work")


def _run(arguments: argparse.Namespace, seeds: Path, work: Path) -> int:
    from tests.fuzz.readers import all_readers
    from tests.fuzz.seeds import make_seeds
    from tests.fuzz.worker import run

    if not seeds.is_dir():
        seeds.mkdir(parents=True)
        make_seeds(seeds)
    readers = all_readers(seeds)
    unknown = set(arguments.readers) - {reader.name for reader in readers}
    if unknown:
        print(f"no such reader: {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    found = False
    columns = ("mutations", "read", "refused", "findings", "kept files", "peak MB", "worst s")
    print("reader      " + "".join(f"{column:>11}" for column in columns))
    for reader in readers:
        if arguments.readers and reader.name not in arguments.readers:
            continue
        kept = [path.read_bytes for path in sorted((KEPT / reader.name).glob("*"))]
        mutations = [partial(reader.mutation, arguments.seed, index) for index in range(arguments.mutations)]
        tally = run(reader, [*kept, *mutations], work)
        print(
            f"{reader.name:12}{arguments.mutations:>11,}{tally.read:>11,}{tally.refused:>11,}{len(tally.findings):>11,}"
            f"{len(kept):>11,}{tally.peak / 1e6:>11.0f}{tally.slowest:>11.2f}",
            flush=True,
        )
        _report(tally.findings, arguments)
        found = found or bool(tally.findings)
    return 1 if found else 0


def _report(findings: "Sequence[Finding]", arguments: argparse.Namespace) -> None:
    """Print each kind of finding once, and keep an example."""
    for what, finding in {finding.what: finding for finding in reversed(findings)}.items():
        print(f"{finding.reader} {finding.index}: {what}", file=sys.stderr)
        if arguments.keep:
            (arguments.keep / finding.reader).mkdir(parents=True, exist_ok=True)
            (arguments.keep / finding.reader / f"{arguments.seed}-{finding.index}").write_bytes(finding.content)


if __name__ == "__main__":
    sys.exit(main())
