"""Write small valid files of all kinds with the command line, from real digits."""

import contextlib
import csv
import gzip
import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.data.archive_writing import write_parquet, write_tar, write_zip
from tests.fuzz.image_seeds import write_masks, write_new_formats, write_unusual_kinds
from tests.tiny_backbone import BACKBONE, feature_model, write_weights

COUNT = 12
SMALL = ("--device", "cpu", "--epochs", "1", "--batch-size", "12", "--no-export")
TINY = {
    "mlp": ("--recipe", "mlp", "--set", "model.arguments.hidden=[4]", "--set", "model.arguments.code=2"),
    "conv": ("--recipe", "conv", "--set", "model.arguments.channels=[2, 2]"),
    "classifier": ("--recipe", "mlp-classifier", "--set", "model.arguments.code=3"),
}
FEATURES = {"backbone": BACKBONE, "layers": ["features.3"], "stride": 4, "smoothing": 1, "components": 3}
"""Arguments of a model of features for 8x8 images, which uses the first layers of a small network alone."""


def aecli(*words: str | Path) -> None:
    """Run the command line in this process without output and expect it to succeed."""
    from aecli.cli.main import main

    output = io.StringIO()
    try:
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            main([str(word) for word in words])
    except SystemExit as stop:
        if stop.code:
            raise RuntimeError(f"aecli {' '.join(map(str, words))}: {output.getvalue()}") from stop


def make_seeds(folder: Path) -> None:
    """Write images, runs, codes, detectors, exports, coordinates and lists into an empty folder."""
    from aecli.data import load

    digits = load("digits:test").take(np.arange(COUNT) * 5)
    names = np.array([f"{index}.png" for index in range(COUNT)])
    assert digits.labels is not None
    labels, classes = digits.labels % 3, np.array(["a", "b", "c"])
    np.savez(folder / "images.npz", images=digits.images, labels=labels, names=names, class_names=classes)
    np.savez_compressed(folder / "floats.npz", x=digits.images[:, 0] / 255)
    np.save(folder / "images.npy", digits.images)
    np.save(folder / "deep.npy", digits.images.astype(">u2") * 16)
    np.savez(
        folder / "splits.npz",
        x_train=digits.images[:8],
        y_train=labels[:8, None],
        x_test=digits.images[8:],
        y_test=np.eye(3)[labels[8:]],
        label_names=classes.astype("S"),
    )
    _write_images(folder, digits.images)
    idx = bytes([0, 0, 8, 3]) + np.array([COUNT, 8, 8], ">u4").tobytes() + digits.images.tobytes()
    for suffix, pack in (("", bytes), (".gz", gzip.compress)):
        (folder / f"idx{suffix}").write_bytes(pack(idx))
        (folder / f"idx-labels{suffix}").write_bytes(
            pack(bytes([0, 0, 8, 1]) + np.array([COUNT], ">u4").tobytes() + labels.astype(np.uint8).tobytes())
        )
    _write_archives(folder, digits.images[:, 0], labels.tolist())
    for name, words in TINY.items():
        aecli("train", folder / "images.npz", "-o", folder / name, "--keep-state", *SMALL, *words)
    _write_encoder_weights(folder / "mlp" / "model.safetensors", folder / "weights.safetensors")
    _write_features(folder)
    _write_archives_of_codecs(folder)
    for name in ("mlp", "conv"):
        aecli("export", folder / name)
        model = folder / name / "model.safetensors"
        for bits, entropy in ((32, False), (8, False), (4, False), (4, True)):
            output = folder / f"{name}-{bits}{'-entropy' * entropy}.npz"
            options = ("--bits", str(bits), *(["--entropy"] if entropy else []))
            aecli("encode", folder / "images.npz", "--model", model, *options, "-o", output)
    calibrate = ("calibrate", "--model", folder / "mlp", "--normal", "digits:test@-1")
    anomalous = {"mahalanobis": ("--anomalous", "digits:test@1")}
    for score in ("combined", "knn", "mahalanobis"):
        aecli(*calibrate, "--score", score, "-o", folder / f"{score}.safetensors", *anomalous.get(score, ()))
    aecli(
        *("tsne", folder / "mlp-32.npz", "-o", folder / "plane.png", "--coordinates", folder / "plane.npz"),
        *("--perplexity", "2", "--max-iter", "20"),
    )
    images = [f"{folder}/digit.{suffix}" for suffix in ("png", "jpeg", "missing")]
    (folder / "list").write_text("\n".join([*images, f"{folder}/images.npy", "", "-"]) + "\n")
    _write_tables(folder)


def _write_tables(folder: Path) -> None:
    """Write lists of images with labels and splits, in each format."""
    rows = [
        {"path": f"{folder}/{name}", "label": label, "split": split, "width": 8}
        for name, label, split in [
            *(("digit.png", 10, "train"), ("color.png", 2, "valid"), ("digit.jpeg", 2, "test")),
            *(("color.jpeg", None, "train"), ("missing.png", 10, "")),
        ]
    ]
    for name, delimiter, encoding in (
        ("list.csv", ",", "utf-8"),
        ("list-excel.csv", ";", "utf-8-sig"),
        ("list.tsv", "\t", "utf-8"),
    ):
        with (folder / name).open("w", encoding=encoding, newline="") as file:
            table = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
            table.writeheader()
            table.writerows(rows)
    (folder / "list.jsonl").write_text("".join(json.dumps(row | {"box": [1, {"x": 2}]}) + "\n" for row in rows))


def _write_archives(folder: Path, images: NDArray[Any], labels: list[int]) -> None:
    """Write archives of folders, with WebDataset's labels, and a Parquet file."""
    from PIL import Image

    classes, files, shard = ["a", "b", "c"], {}, {}
    for index, (pixels, label) in enumerate(zip(images[:6], labels, strict=False)):
        content = io.BytesIO()
        Image.fromarray(pixels).save(content, "PNG")
        files[f"{classes[label]}/{index}.png"] = content.getvalue()
        shard[f"{index}.png"] = content.getvalue()
        shard[f"{index}.cls" if index % 2 else f"{index}.json"] = (
            str(label).encode() if index % 2 else json.dumps({"label": label}).encode()
        )
    splits = {f"set/{'train' if index % 2 else 'test'}/{name}": files[name] for index, name in enumerate(files)}
    for name, content_of in (("classes", files), ("labels", shard), ("splits", splits)):
        write_zip(folder / f"{name}.zip", content_of)
        for suffix in (".tar", ".tar.gz"):
            write_tar(folder / f"{name}{suffix}", content_of)
    write_parquet(folder / "rows.parquet", files, labels[:6], classes)


def _write_encoder_weights(checkpoint: Path, path: Path) -> None:
    """Write the weights of the encoder alone, without a prefix, as other programs do."""
    from safetensors.numpy import load_file, save_file

    weights = load_file(checkpoint)
    save_file({name.removeprefix("encoder."): weights[name] for name in weights if name.startswith("encoder.")}, path)


def _write_features(folder: Path) -> None:
    """Write a run of features, and the weights of the part of its backbone that it uses, in all formats."""
    import torch
    from safetensors.torch import save_file

    (folder / "backbone").mkdir()
    weights = write_weights(folder / "backbone" / "all.safetensors")
    settings = ("--recipe", "features", "--device", "cpu", "--set", "model.image_size=native")
    arguments = [word for key, value in FEATURES.items() for word in ("--set", f"model.arguments.{key}={value}")]
    aecli(
        "train", folder / "images.npz", "-o", folder / "features" / "run", *settings, *arguments, "--init-from", weights
    )
    network = feature_model((1, 8, 8), **FEATURES).encoder.backbone.network
    used = {name: value.contiguous() for name, value in network.state_dict().items()}
    save_file(used, folder / "backbone" / "used.safetensors")
    torch.save(used, folder / "backbone" / "used.pth")
    torch.save({"state_dict": used, "epoch": 3}, folder / "backbone" / "script.pth")
    torch.save(used, folder / "backbone" / "older.pth", _use_new_zipfile_serialization=False)


def _write_archives_of_codecs(folder: Path) -> None:
    """Write two codecs, an archive of images of several sizes, and sets of images in one stream."""
    from PIL import Image

    short = ("--device", "cpu", "--no-export", "--set", "training.steps=4")
    tiny = "model.arguments={coefficients=4, encoder=[4, 4], decoder=[4, 4, 4]}"
    aecli(
        *("train", folder / "images.npz", "-o", folder / "codec", "--recipe", "codec", *short, "--set", tiny),
        *("--set", "training.crop=16", "--set", "penalty.rate_prior_steps=4"),
    )
    aecli("train", folder / "images.npz", "-o", folder / "codec-small", "--recipe", "codec-small", *short)
    chance = np.random.default_rng(0)
    (folder / "sizes").mkdir()
    for height, width in ((8, 8), (1, 1), (33, 17)):
        Image.fromarray(chance.integers(0, 256, (height, width), np.uint8)).save(folder / "sizes" / f"{height}.png")
    for rate in ("0", "2"):
        aecli(
            *("encode", folder / "sizes", "--model", folder / "codec", "-o", folder / "archive" / rate),
            *("--rate", rate),
        )
    for name, option in (("set", ()), ("set-named", ("--keep-names",))):
        output = folder / f"{name}.npz"
        model = folder / "codec-small"
        aecli("encode", folder / "images.npz", "--model", model, "-o", output, "--entropy", *option)


def _write_images(folder: Path, images: NDArray[Any]) -> None:
    from PIL import Image

    gray = Image.fromarray(images[0, 0])
    color = Image.fromarray(np.stack([images[index, 0] for index in range(3)], axis=-1))
    exif = Image.Exif()
    exif[0x0112] = 6
    for suffix in ("png", "jpeg", "webp", "bmp", "tiff", "gif", "ppm"):
        gray.save(folder / f"digit.{suffix}")
        options: dict[str, Any] = {"exif": exif} if suffix in {"png", "jpeg", "webp", "tiff"} else {}
        color.save(folder / f"color.{suffix}", **options)
    color.quantize(8).save(folder / "palette.png", transparency=1)
    color.convert("RGBA").save(folder / "alpha.png")
    color.convert("RGBA").save(folder / "alpha.webp", lossless=True)
    Image.fromarray(images[0, 0].astype(np.uint16) * 257).save(folder / "deep.png")
    color.convert("CMYK").save(folder / "cmyk.jpeg")
    color.save(folder / "progressive.jpeg", progressive=True)
    for kind in ("tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits", "group4"):
        (gray.convert("1") if kind == "group4" else gray).save(folder / f"{kind}.tiff", compression=kind)
    color.quantize(8).save(folder / "palette.bmp")
    color.quantize(8).save(folder / "palette.gif", transparency=1)
    gray.convert("1").save(folder / "bits.ppm")
    write_new_formats(folder, gray, color)
    write_unusual_kinds(folder, images)
    write_masks(folder / "masks")


if __name__ == "__main__":
    make_seeds(Path(sys.argv[1]))
