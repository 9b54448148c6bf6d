"""Ours against what it replaces, one after the other, in one run.

    python -m tests.benchmarks                       # all cases but tsne-60000 and those of a GPU
    python -m tests.benchmarks --turns 1             # each timed once
    python -m tests.benchmarks conv encode-conv      # some
    python -m tests.benchmarks --small --turns 1     # 5,000 images instead of 60,000, once each
    python -m tests.benchmarks --json bench.json

Images: FashionMNIST where Debian's package dataset-fashion-mnist is installed; else mnist5k. A ratio is how many times
less ours takes, the median over the turns. Where the quality differs, it does not count.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tests.benchmarks.cases import encoding, gpu, knn_probe, pictures, startup, training, tsne
from tests.benchmarks.measuring import Effort, Row, machine

CASES = startup.CASES | training.CASES | encoding.CASES | pictures.CASES | knn_probe.CASES | tsne.CASES | gpu.CASES
LONG = {"tsne-60000", *gpu.CASES}
"""Only where it is named."""


def table(rows: Sequence[Row]) -> str:
    """Return rows of a table in Markdown, as the README has it."""
    lines = ["| case | aecli | the other | ratio | asked |", "| --- | --- | --- | --- | --- |"]
    for row in rows:
        peer = [] if row.peer is None else [f"{_number(row.peer)} {row.unit}, {row.peer_name}"]
        if row.quality:
            ours, theirs = row.quality
            peer.append(f"{row.quality_name} {ours:.4g} and {theirs:.4g}")
        peer += [row.note] if row.note else []
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        asked = f"{row.bar:.2f}: {row.verdict}" if row.bar is not None else row.verdict
        lines.append(f"| {row.case} | {_number(row.ours)} {row.unit} | {'; '.join(peer)} | {ratio} | {asked} |")
    return "\n".join(lines)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def main() -> None:
    """Run the cases and print a table."""
    description = (__doc__ or "").splitlines()[0]
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=description)
    parser.add_argument(
        "cases", nargs="*", metavar="CASE", help=f"{', '.join(CASES)}; else all but {', '.join(sorted(LONG))}"
    )
    parser.add_argument("--turns", type=int, help="turns of each case, instead of its own")
    parser.add_argument("--small", action="store_true", help="5,000 images where there could be 60,000")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    options = parser.parse_args()
    if unknown := set(options.cases) - set(CASES):
        parser.error(f"no such case: {', '.join(sorted(unknown))}")

    about = machine()
    print(json.dumps(about), flush=True)
    rows: list[Row] = []
    for case in options.cases or [name for name in CASES if name not in LONG]:
        rows += CASES[case](Effort(options.turns, options.small))
        print(f"{case}: done", flush=True)
        if options.json:
            more = [asdict(row) | {"verdict": row.verdict} for row in rows]
            options.json.write_text(json.dumps({"machine": about, "rows": more}, indent=2) + "\n", encoding="utf-8")
    print(f"\n{table(rows)}")


if __name__ == "__main__":
    main()
