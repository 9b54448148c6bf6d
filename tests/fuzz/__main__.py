"""`python -m tests.fuzz`."""

import argparse
import os
import sys
import tempfile
from functools import partial
from pathlib import Path

KEPT = Path(__file__).parent / "kept"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Read damaged files of every kind.")
    parser.add_argument("readers", nargs="*", metavar="READER", help="else all")
    parser.add_argument("--mutations", type=int, default=10_000, metavar="N", help="files a reader")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="write the files of findings there")
    parser.add_argument("--seeds", type=Path, metavar="DIR", help="keep the valid files there, or take them from there")
    asked = parser.parse_args()

    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory(prefix="aecli-fuzz-") as name:
        root = Path(name)
        for variable in ("HOME", "AECLI_CACHE", "AECLI_DATA", "MPLCONFIGDIR", "TMPDIR"):
            os.environ[variable] = str(root / "work")
        (root / "work").mkdir()
        seeds = asked.seeds or root / "seeds"
        return _run(asked, seeds, root / "work")


def _run(asked: argparse.Namespace, seeds: Path, work: Path) -> int:
    from tests.fuzz import seeds as valid
    from tests.fuzz.readers import all_readers
    from tests.fuzz.worker import run

    if not seeds.is_dir():
        seeds.mkdir(parents=True)
        valid.make(seeds)
    readers = all_readers(seeds)
    unknown = set(asked.readers) - {reader.name for reader in readers}
    if unknown:
        print(f"no such reader: {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    findings = []
    columns = ("mutations", "read", "refused", "findings", "kept files", "peak MB", "worst s")
    print("reader      " + "".join(f"{column:>11}" for column in columns))
    for reader in readers:
        if asked.readers and reader.name not in asked.readers:
            continue
        kept = [path.read_bytes for path in sorted((KEPT / reader.name).glob("*"))]
        mutations = [partial(reader.mutation, asked.seed, index) for index in range(asked.mutations)]
        tally = run(reader, [*kept, *mutations], work)
        findings += tally.findings
        print(
            f"{reader.name:12}{asked.mutations:>11,}{tally.read:>11,}{tally.refused:>11,}{len(tally.findings):>11,}"
            f"{len(kept):>11,}{tally.peak / 1e6:>11.0f}{tally.slowest:>11.2f}",
            flush=True,
        )
    known = set()
    for finding in findings:
        if (finding.reader, finding.what) in known:
            continue
        known.add((finding.reader, finding.what))
        print(f"{finding.reader} {finding.index}: {finding.what}", file=sys.stderr)
        if asked.keep:
            (asked.keep / finding.reader).mkdir(parents=True, exist_ok=True)
            (asked.keep / finding.reader / f"{asked.seed}-{finding.index}").write_bytes(finding.content)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
