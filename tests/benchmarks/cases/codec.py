"""A codec that is learned from images of the kind it compresses, beside JPEG, WebP, AVIF, JPEG 2000 and JPEG XL.

Three sets: the digits of mnist5k; photographs of solar cells (package elpv-dataset), of which 2,000 are trained on and
100 others measured; and color photographs of scikit-learn and, if it is installed, scikit-image, cut into pieces. JPEG
XL is measured if imagecodecs is installed. Training, encoding and decoding are processes of their own.
"""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from safetensors import safe_open

from aecli.analyses.compression.bd_rate import Curve
from aecli.codes.psnr import psnr
from tests.benchmarks.codec_images import (
    ODD_SIZES,
    link_cells,
    odd_images,
    photograph_names,
    require_cells,
    write_pieces,
)
from tests.benchmarks.measuring import Effort, Row, aecli, log, reference, run, run_peak
from tests.benchmarks.tables import markdown

ONE_THREAD = {"OMP_NUM_THREADS": "1"}
SHORT = ("--steps", 1200, "--set", "penalty.rate_prior_steps=1200")
"""A quarter of the training, with `--small`."""
STATIC = ("--set", "penalty.rate_prior=static", "--steps", 3800)
"""Tables alone, in the time that is asked of them; its steps end sooner than those of the recipe."""
FINE = (
    *("--set", "model.arguments.decoder=[64,48]"),
    *("--set", "penalty.rate_weights=[0.03,0.06,0.12,0.25,0.5]"),
)
"""A larger decoder and smaller weights of the rate than those of the recipe, for digits with smaller errors."""
DIGIT_MSE, DIGIT_BYTES = 633.0, 15.0
FINE_DIGIT_MSE, FINE_DIGIT_BYTES = 171.0, 55.0
DIGIT_SECONDS, DIGIT_PARAMETERS = 120.0, 15_000.0
CELL_PSNR, CELL_BYTES, STATIC_CELL_BYTES = 38.0, 680.0, 1100.0
CELL_SECONDS, STATIC_CELL_SECONDS = 420.0, 250.0
CELL_BD_RATES = {"WebP": -55.0, "AVIF": -30.0}
SECONDS_A_MEGAPIXEL = 0.5
RATE = 2
"""The rate of the files that are decoded in other ways."""

Document = dict[str, Any]


@dataclass(frozen=True)
class Training:
    """A trained codec."""

    folder: Path
    cpu_seconds: float


@contextmanager
def workplace(effort: Effort) -> Iterator[Path]:
    """Return a folder for images and trained models: `--cache DIR`, whose models are used again, or a temporary one."""
    if effort.cache:
        yield effort.cache / "codec"
        return
    with tempfile.TemporaryDirectory() as temporary:
        yield Path(temporary)


def train(root: Path, name: str, data: str | Path, *options: object) -> Training:
    """Train a codec and measure its CPU time, unless `root` has it already."""
    folder, record = root / name, root / f"{name}.json"
    if not record.exists():
        root.mkdir(parents=True, exist_ok=True)
        words = ("train", data, "-o", folder, *options, "--overwrite", "--no-export", "--no-progress", "-q")
        done = run_peak(aecli(*words), ONE_THREAD)
        measured = {"cpu_seconds": done.cpu_seconds, "seconds": done.seconds, "peak_mebibytes": done.peak_mebibytes}
        record.write_text(json.dumps(measured), encoding="utf-8")
    measured = json.loads(record.read_text(encoding="utf-8"))
    log(f"{name}: {measured['cpu_seconds']:.0f} CPU s, {measured['peak_mebibytes']:,.0f} MiB")
    return Training(folder, measured["cpu_seconds"])


def report(data: str | Path, training: Training) -> Document:
    """Return what `aecli compress-report` says about a codec."""
    words = ("compress-report", data, "--model", training.folder, "--device", "cpu", "--json", "--no-progress", "-q")
    document = run(aecli(*words), ONE_THREAD).document
    log(document["summary"])
    return document


def measure_digits(effort: Effort) -> list[Row]:
    """Train on 4,000 digits, and compress 1,000 others to one stream."""
    with workplace(effort) as root:
        training = train(root, "digits", "mnist5k:train", "--recipe", "codec-small")
        document = report("mnist5k:test", training)
        parameters = _decoder_parameters(training.folder)
        larger = train(root, "digits-fine", "mnist5k:train", "--recipe", "codec-small", *FINE)
        fine = report("mnist5k:test", larger)
        note = f"another training: {_decoder_parameters(larger.folder):,} parameters, {larger.cpu_seconds:.0f} CPU s"
    print(f"\n{_settings_table(document)}\n\nwith a larger decoder\n\n{_settings_table(fine)}\n")
    sizes = [row["bytes_per_image"] for row in _rows(document, "codec") if row["mse"] <= DIGIT_MSE]
    size = _bytes_at(fine, psnr(FINE_DIGIT_MSE))
    return [
        _limit(f"digits: bytes at MSE {DIGIT_MSE:.0f} or less", min(sizes, default=float("inf")), DIGIT_BYTES, "bytes"),
        _limit(f"digits: bytes at MSE {FINE_DIGIT_MSE:.0f}", size, FINE_DIGIT_BYTES, "bytes", note),
        _limit("digits: parameters of the decoder", parameters, DIGIT_PARAMETERS, ""),
        _limit("digits: training", training.cpu_seconds, DIGIT_SECONDS, "CPU s"),
    ]


def measure_cells(effort: Effort) -> list[Row]:
    """Train on 2,000 solar cells, and compress 100 others to a file each; with a static prior, and a causal one."""
    require_cells()
    rows = []
    with workplace(effort) as root:
        cells = link_cells(root / "elpv")
        if not effort.small:
            static = train(root, "elpv-static", cells / "train", "--recipe", "codec", *STATIC)
            document = report(cells / "test", static)
            print(f"\nsolar cells, static prior\n\n{quality_table(document)}\n")
            size = _bytes_at(document, CELL_PSNR)
            rows += [
                _limit(f"solar cells, static prior: bytes at {CELL_PSNR:.0f} dB", size, STATIC_CELL_BYTES, "bytes"),
                _limit("solar cells, static prior: training", static.cpu_seconds, STATIC_CELL_SECONDS, "CPU s"),
            ]
        causal = train(root, "elpv-causal", cells / "train", "--recipe", "codec")
        document = report(cells / "test", causal)
        print(f"\nsolar cells, causal prior\n\n{_settings_table(document)}\n\n{quality_table(document)}\n")
        size = _bytes_at(document, CELL_PSNR)
        rows.append(_limit(f"solar cells, causal prior: bytes at {CELL_PSNR:.0f} dB", size, CELL_BYTES, "bytes"))
        for other, bar in CELL_BD_RATES.items():
            rate = _comparison(document, other)["bd_rate_psnr"]["percent"]
            case = f"solar cells, causal prior: BD-rate against {other}"
            rows.append(Row(f"codec, {case}", rate, bar, "limit", "%", target=1.0, ratio=rate / bar))
        rows.append(_limit("solar cells, causal prior: training", causal.cpu_seconds, CELL_SECONDS, "CPU s"))
        rows += _exactness(root, cells, causal)
    return rows


def measure_color(effort: Effort) -> list[Row]:
    """Train on pieces of ordinary color photographs, and compress other pieces of them; nothing is required."""
    with workplace(effort) as root:
        pieces = write_pieces(root / "color")
        name, options = ("color-short", SHORT) if effort.small else ("color-run", ())
        training = train(root, name, pieces / "train", "--recipe", "codec", *options)
        document = report(pieces / "test", training)
    counts = f"{training.cpu_seconds:.0f} CPU s of training, {document['data']['images']} pieces"
    print(f"\ncolor photographs: {', '.join(photograph_names())}; {counts}\n")
    print(f"{_settings_table(document)}\n\n{quality_table(document)}\n")
    return [
        Row(
            f"codec, color photographs: BD-rate against {each['other']}",
            each["bd_rate_psnr"]["percent"],
            None,
            unit="%",
        )
        for each in document["comparisons"]
        if each["bd_rate_psnr"]
    ]


def measure(effort: Effort) -> list[Row]:
    """Measure all three sets."""
    return [*measure_digits(effort), *measure_cells(effort), *measure_color(effort)]


def _exactness(root: Path, cells: Path, training: Training) -> list[Row]:
    """Encode 200 cells and images of odd sizes; decode them in processes with other threads, libraries and batches."""
    paths = sorted((cells / "exact").iterdir())
    for (height, width), image in zip(ODD_SIZES, odd_images(paths), strict=True):
        path = root / "odd" / f"{width}x{height}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[0]).save(path)
        paths.append(path)
    files = root / "files"
    words = ("encode", training.folder, files, RATE, *paths)
    seconds = run(reference("codec_files", *words), ONE_THREAD).document
    worst: dict[str, int] = {}
    for threads, onednn, batch in product((1, 2), (1, 0), (1, 16)):
        words = ("decode", training.folder, files, threads, onednn, batch)
        found = run(reference("codec_files", *words), {"OMP_NUM_THREADS": str(threads)}).document
        log(f"{threads} threads, oneDNN {'on' if onednn else 'off'}, batches of {batch}: {found}")
        worst = {key: max(worst.get(key, 0), value) for key, value in found.items()}
    note = (
        f"of {worst['files']} files in 8 processes; pixels of at most {worst['other_pixels']} differ, by "
        f"{worst['largest_difference']} gray levels at most"
    )
    rows = [
        _limit("solar cells: files with other codes", worst["other_codes"], 0, "", note),
        _limit("solar cells: files with a flipped bit that are accepted", worst["damage_accepted"], 0, ""),
    ]
    for action in ("encode", "decode"):
        rows.append(_limit(f"solar cells: {action}", seconds[action], SECONDS_A_MEGAPIXEL, "CPU s a megapixel"))
    return rows


def quality_table(document: Document) -> str:
    """Return the bytes per image of each method at equal PSNR, and the BD-rate of the codec against it."""
    curves = {family: _curve(document, family) for family in ("codec", *_others(document))}
    codec = curves["codec"]
    levels = np.linspace(codec.low, codec.high, 5).round(1).clip(codec.low, codec.high)
    head = ["kept as", *(f"{level:.1f} dB" for level in levels), "BD-rate, PSNR", "BD-rate, SSIM", "without headers"]
    head += ["pays off from"]
    rows = []
    for family, curve in curves.items():
        cells = [f"{curve.bytes_at(x):,.0f}" if curve.low <= x <= curve.high else "" for x in levels.tolist()]
        rows.append([family, *cells, *(_rates(document, family) if family != "codec" else [""] * 4)])
    return markdown(head, rows)


def _rates(document: Document, other: str) -> list[str]:
    found = _comparison(document, other)
    keys = ("bd_rate_psnr", "bd_rate_ssim", "bd_rate_psnr_without_headers")
    rates = [f"{found[key]['percent']:+.1f}%" if found[key] else "" for key in keys]
    images = (found["pays_off"] or {}).get("images")
    return [*rates, f"{images:,}" if images else "never"]


def _settings_table(document: Document) -> str:
    head = ["rate", "bytes an image", "MSE", "PSNR", "SSIM", "with the decoder: 1,000 / 10,000 / 1,000,000 images"]
    rows = []
    for row in _rows(document, "codec"):
        sizes = " / ".join(f"{size:,.1f}" for size in row["bytes_per_image_with_decoder"].values())
        metrics = [f"{row['bytes_per_image']:,.1f}", f"{row['mse']:.2f}", f"{row['psnr']:.2f}", f"{row['ssim']:.4f}"]
        rows.append([row["method"].rpartition(" ")[2], *metrics, sizes])
    return markdown(head, rows)


def _others(document: Document) -> list[str]:
    return [each["other"] for each in document["comparisons"] if _points(document, each["other"]) is not None]


def _comparison(document: Document, other: str) -> Document:
    found: Document = next(each for each in document["comparisons"] if each["other"] == other)
    return found


def _rows(document: Document, family: str) -> list[Document]:
    return [row for row in document["rows"] if row["family"] == family]


def _points(document: Document, family: str) -> Curve | None:
    rows = _rows(document, family)
    return Curve.through((row["bytes_per_image"], row["psnr"]) for row in rows if row["psnr"] is not None)


def _curve(document: Document, family: str) -> Curve:
    curve = _points(document, family)
    assert curve, f"{family} has one quality"
    return curve


def _bytes_at(document: Document, psnr: float) -> float:
    return float(_curve(document, "codec").reaching(np.array([psnr]))[0])


def _decoder_parameters(folder: Path) -> int:
    with safe_open(folder / "model.safetensors", framework="np") as file:
        names = [name for name in file.keys() if name.startswith("decoder.")]  # noqa: SIM118
        return sum(int(np.prod(file.get_slice(name).get_shape())) for name in names)


def _limit(case: str, value: float, limit: float, unit: str, note: str = "") -> Row:
    ratio = limit / value if value else 1.0
    return Row(f"codec, {case}", value, limit, "limit", unit, target=1.0, ratio=ratio, note=note)


CASES = {
    "codec": measure,
    "codec-digits": measure_digits,
    "codec-elpv": measure_cells,
    "codec-color": measure_color,
}
