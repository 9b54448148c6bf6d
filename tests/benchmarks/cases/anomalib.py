"""Compare aecli's features with anomalib's PaDiM and PatchCore: the same backbone, weights, images, size and splits.

anomalib is installed from the package index into an environment of its own, in the folder that --cache names, or a
temporary one. Both tools run as whole processes with one thread, and times are CPU time, so that other programs on the
machine matter little. Each repeat is another split of the normal cells.
"""

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import mean

from tests.benchmarks.anomalib_environment import make_environment
from tests.benchmarks.cases.elpv import ONE_THREAD, run_features
from tests.benchmarks.measuring import Effort, Row, log, reference, run, run_peak
from tests.benchmarks.solar_cells import (
    KINDS,
    Split,
    convert_weights,
    installed_split,
    require_packages,
    separation,
)
from tests.benchmarks.tables import markdown

MODELS = {"padim": "anomalib PaDiM", "patchcore": "anomalib PatchCore"}
OURS = "aecli features"
TOLERANCE = 0.005
"""How much lower than that of the better model of anomalib the AUROC of aecli may be."""
FASTER = 5
"""How many times faster scoring without the backbone has to be."""


@dataclass(frozen=True)
class Measured:
    """A tool on one split."""

    auroc: float
    fit_seconds: float
    """CPU time of the whole process that fits; of aecli including the threshold's, which is another process."""
    score_milliseconds: float
    """CPU time an image of the whole process that scores the test images."""
    scoring_milliseconds: float
    """CPU time an image of what follows the backbone."""
    peak_mebibytes: float
    megabytes: float
    """The size of the files that scoring needs."""


def measure(effort: Effort) -> list[Row]:
    """Print a table of the tools; return what is required of aecli."""
    require_packages()
    kinds = ["mono"] if effort.small else list(KINDS)
    found: dict[str, dict[str, list[Measured]]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        python = make_environment((effort.cache or root) / "anomalib")
        weights = convert_weights(root)
        for kind in kinds:
            for seed in range(effort.repeats_or(1)):
                split = installed_split(kind, seed)
                cells = split.link(root / f"{kind}-{seed}")
                tools = {OURS: partial(_ours, split, cells, weights)}
                for name, title in MODELS.items():
                    tools[title] = partial(_theirs, name, split, cells, weights, python)
                for title, tool in tools.items():
                    measured = tool()
                    log(f"{kind}, split {seed}, {title}: {measured}")
                    found.setdefault(title, {}).setdefault(kind, []).append(measured)
    print(f"\n{tools_table(found)}\n")
    return [row for kind in kinds for row in _required(kind, {title: of[kind] for title, of in found.items()})]


def _ours(split: Split, cells: Path, weights: Path) -> Measured:
    features = run_features(cells, cells / "run", weights, ONE_THREAD)
    scoring = run(reference("feature_scoring", features.folder, cells / "defect"), ONE_THREAD).document
    return Measured(
        separation(features.scores, split.tested).auroc,
        features.train.cpu_seconds + features.calibrate.cpu_seconds,
        1000 * features.detect.cpu_seconds / len(split.tested),
        scoring["joining"] + scoring["scoring"],
        max(process.peak_mebibytes for process in features.processes),
        features.megabytes,
    )


def _theirs(name: str, split: Split, cells: Path, weights: Path, python: Path) -> Measured:
    script = [str(python), *reference("anomalib_models")[1:]]
    model, output, log = cells / f"{name}.pt", cells / f"{name}.json", cells / f"{name}.txt"
    test = cells / f"{name}-test"
    Split((), split.normal, split.defect).link(test)
    fit = run_peak([*script, "fit", name, cells / "train", model, "--weights", weights], ONE_THREAD, log)
    score = run_peak([*script, "score", name, test, model, "--output", output], ONE_THREAD, log)
    scoring = json.loads(log.read_text(encoding="utf-8").splitlines()[-1])["scoring"]
    return Measured(
        separation(json.loads(output.read_text(encoding="utf-8")), split.tested).auroc,
        fit.cpu_seconds,
        1000 * score.cpu_seconds / len(split.tested),
        scoring,
        max(fit.peak_mebibytes, score.peak_mebibytes),
        model.stat().st_size / 1e6,
    )


def tools_table(found: Mapping[str, Mapping[str, Sequence[Measured]]]) -> str:
    """Return a table in Markdown with a row for each tool and kind of cell; means over the splits."""
    head = ["cells", "tool", "AUROC of each split", "fit, CPU s", "score, CPU ms an image", "without the backbone, ms"]
    head += ["peak MiB", "MB on disk"]
    rows = []
    for kind in next(iter(found.values())):
        for title, of in found.items():
            repeats = of[kind]
            rows.append(
                [
                    kind,
                    title,
                    " ".join(f"{each.auroc:.4f}" for each in repeats),
                    f"{mean(each.fit_seconds for each in repeats):.1f}",
                    f"{mean(each.score_milliseconds for each in repeats):.1f}",
                    f"{mean(each.scoring_milliseconds for each in repeats):.2f}",
                    f"{max(each.peak_mebibytes for each in repeats):,.0f}",
                    f"{mean(each.megabytes for each in repeats):.1f}",
                ]
            )
    return markdown(head, rows)


def _required(kind: str, found: Mapping[str, Sequence[Measured]]) -> list[Row]:
    """Return rows that compare aecli with the better, and with the faster, model of anomalib."""
    rows = []
    for seed, ours in enumerate(found[OURS]):
        theirs = {title: repeats[seed] for title, repeats in found.items() if title != OURS}
        best = max(theirs, key=lambda title: theirs[title].auroc)
        bar = theirs[best].auroc - TOLERANCE
        case = f"ELPV {kind}, split {seed}: AUROC"
        name = f"{best} less {TOLERANCE}"
        rows.append(Row(case, ours.auroc, bar, name, "", target=1.0, ratio=ours.auroc / bar))
        fastest = min(theirs, key=lambda title: theirs[title].scoring_milliseconds)
        time = theirs[fastest].scoring_milliseconds
        case = f"ELPV {kind}, split {seed}: scoring an image without the backbone"
        ratio = time / ours.scoring_milliseconds
        rows.append(Row(case, ours.scoring_milliseconds, time, fastest, "ms", target=FASTER, ratio=ratio))
    return rows


CASES = {"anomalib": measure}
