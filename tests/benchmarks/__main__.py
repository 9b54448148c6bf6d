"""Compare aecli with the tools that it replaces. Both run alternately, in one process tree on one machine.

    python -m tests.benchmarks conv encode-conv                     # these cases; --help lists all
    python -m tests.benchmarks --part reading --json reading.json   # the cases of a part of make bench
    python -m tests.benchmarks conv --repeats 1      # time each case once
    python -m tests.benchmarks conv --small          # 5,000 images instead of 60,000
    python -m tests.benchmarks tsne-gradients        # t-SNE beside openTSNE's own gradients, one and two threads
    python -m tests.benchmarks explorer              # pages of 1,000 to 100,000 codes; needs Chromium
    python -m tests.benchmarks search-100000 search-1000000 --cache DIR     # beside scikit-learn; DIR keeps the codes
    python -m tests.benchmarks duplicates            # copies among digits and photographs
    python -m tests.benchmarks elpv                  # defects of solar cells; needs two data packages
    python -m tests.benchmarks anomalib --cache DIR  # the same beside anomalib, which is installed in DIR
    python -m tests.benchmarks codec --cache DIR     # a learned codec beside JPEG, WebP, AVIF; DIR keeps the models

The images are FashionMNIST if Debian's package dataset-fashion-mnist is installed, and mnist5k otherwise. A ratio is
the time of the reference divided by that of aecli, the median over the repeats. It is only valid if the quality of
both is the same.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tests.benchmarks.cases import (
    anomalib,
    busy_machine,
    codec,
    drawn_defects,
    duplicates,
    elpv,
    encoding,
    explorer,
    first_training,
    gpu,
    image_files,
    knn_probe,
    search,
    start,
    training,
    tsne,
    tsne_gradients,
)
from tests.benchmarks.measuring import Effort, Row, describe_machine
from tests.benchmarks.tables import markdown

CASES = (
    start.CASES
    | training.CASES
    | first_training.CASES
    | encoding.CASES
    | image_files.CASES
    | knn_probe.CASES
    | tsne.CASES
    | tsne_gradients.CASES
    | search.CASES
    | duplicates.CASES
    | explorer.CASES
    | busy_machine.CASES
    | codec.CASES
    | drawn_defects.CASES
    | elpv.CASES
    | anomalib.CASES
    | gpu.CASES
)
PARTS = {
    "start": tuple(start.CASES),
    "mlp": ("mlp", "mlp-process"),
    "conv": ("conv", "conv-process"),
    "training": ("combined", "memory", "first-training"),
    "busy": tuple(busy_machine.CASES),
    "reading": (*encoding.CASES, *image_files.CASES),
    "codes": ("knn-probe", "tsne-1000", "tsne-10000", "tsne-gradients-5000", "explorer", "duplicates", "search-100000"),
    "defects": ("drawn-defects", "elpv"),
    "codec": ("codec-digits", "codec-color"),
    "codec-cells": ("codec-elpv",),
}
"""Cases that `make bench` runs together, each part in less than an hour. Others are too long, or need a GPU or another
environment: `anomalib`, `search-1000000`, `tsne-60000`."""


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a table in Markdown, in the format of the README."""
    head = ["case", "aecli", "reference", "ratio", "target", "quality, aecli and reference"]
    lines = []
    for row in rows:
        quality = [f"{row.quality_name} {row.quality[0]:.4g} and {row.quality[1]:.4g}"] if row.quality else []
        quality += [row.note] if row.note else []
        lines.append(
            [
                row.case,
                f"{_number(row.ours)} {row.unit}".strip(),
                "" if row.reference is None else f"{_number(row.reference)} {row.unit}, {row.reference_name}",
                "" if row.ratio is None else f"{row.ratio:.2f}",
                row.verdict if row.target is None else f"{row.target:.2f}: {row.verdict}",
                "; ".join(quality),
            ]
        )
    return markdown(head, lines)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def main() -> None:
    """Run the cases and print a table."""
    description = (__doc__ or "").splitlines()[0]
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=description)
    parser.add_argument(
        "cases",
        nargs="*",
        metavar="CASE",
        help=f"{', '.join(CASES)}",
    )
    parser.add_argument("--part", choices=PARTS, help="the cases of a part, as in make bench")
    parser.add_argument("--repeats", type=int, help="number of repeats of each case; each case has its own default")
    parser.add_argument("--small", action="store_true", help="use 5,000 images instead of 60,000, or one kind of cell")
    parser.add_argument("--cache", type=Path, help="folder for environments that later runs use again")
    parser.add_argument("--json", type=Path, help="also write all measurements to this file")
    options = parser.parse_args()
    if not options.cases and not options.part:
        parser.error("name cases or a --part")
    if unknown := set(options.cases) - set(CASES):
        parser.error(f"unknown case: {', '.join(sorted(unknown))}")

    machine = describe_machine()
    print(json.dumps(machine), flush=True)
    rows: list[Row] = []
    for case in [*options.cases, *PARTS.get(options.part, ())]:
        rows += CASES[case](Effort(options.repeats, options.small, options.cache))
        print(f"{case}: done", flush=True)
        if options.json:
            measured = [asdict(row) | {"verdict": row.verdict} for row in rows]
            options.json.write_text(
                json.dumps({"machine": machine, "rows": measured}, indent=2) + "\n", encoding="utf-8"
            )
    print(f"\n{table(rows)}")


if __name__ == "__main__":
    main()
