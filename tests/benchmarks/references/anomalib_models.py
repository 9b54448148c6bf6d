"""Fit a model of anomalib with given weights of its backbone, and score images; run in an environment with anomalib.

    python -m tests.benchmarks.references.anomalib_models fit padim TRAIN MODEL.pt --weights WEIGHTS.safetensors
    python -m tests.benchmarks.references.anomalib_models score padim IMAGES MODEL.pt --output scores.json

The models are anomalib's own, called as its Lightning modules call them. `score` also prints CPU milliseconds an image:
`whole`, with reading the image, and `scoring`, without the backbone.
"""

import argparse
import json
import random
import time
from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from safetensors.torch import load_file
from torchvision.transforms import v2

BACKBONE = "tf_efficientnet_lite0"
SIDE, MEAN, STD = 224, [0.5] * 3, [0.5] * 3
"""Pixels, and the normalization of pixels in 0..1 that this backbone expects."""
FEATURES, CORESET = 100, 0.01
OPTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "padim": ("PadimModel", {"layers": ["blocks.2", "blocks.4"], "n_features": FEATURES}),  # 28x28 positions
    "patchcore": ("PatchcoreModel", {"layers": ["blocks.4", "blocks.6"]}),  # 14x14 positions
}
BATCH = 32
"""The batch size of anomalib's data modules."""


def build(name: str) -> Any:
    """Return a model whose backbone has random weights; PaDiM's channels are drawn by the seed."""
    random.seed(0)
    torch.manual_seed(0)
    kind, options = OPTIONS[name]
    module = import_module(f"anomalib.models.image.{name}.torch_model")
    return getattr(module, kind)(backbone=BACKBONE, pre_trained=False, **options)


def batches(paths: Sequence[Path]) -> Iterator[torch.Tensor]:
    """Yield normalized images, (N, 3, 224, 224)."""
    transform = v2.Compose(
        [
            v2.ToImage(),
            v2.Resize((SIDE, SIDE), antialias=True),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(MEAN, STD),
        ]
    )
    for start in range(0, len(paths), BATCH):
        images = []
        for path in paths[start : start + BATCH]:
            with Image.open(path) as image:
                images.append(transform(image.convert("RGB")))
        yield torch.stack(images)


def fit(name: str, paths: Sequence[Path], model_file: Path, weights: Path) -> dict[str, object]:
    """Fit a model and write its state."""
    model = build(name)
    network = model.feature_extractor.feature_extractor
    missing, _ = network.load_state_dict(load_file(weights), strict=False)  # the classifier is not part of it
    if missing:
        raise RuntimeError(f"{weights} lacks {missing[0]}")
    started = time.perf_counter()
    model.train()
    with torch.no_grad():
        for batch in batches(paths):
            model(batch)
        if name == "padim":
            model.fit()
        else:
            model.subsample_embedding(CORESET)
    seconds = time.perf_counter() - started
    torch.save(model.state_dict(), model_file)
    return {"fit_seconds": seconds, "anomalib": version("anomalib"), "torch": torch.__version__}


def score(name: str, paths: Sequence[Path], model_file: Path, output: Path) -> dict[str, object]:
    """Score images with a fitted model; write the scores by file name."""
    model = build(name)
    model.load_state_dict(torch.load(model_file, weights_only=True))
    model.eval()
    extractor, scores = model.feature_extractor, []
    features_of, used = extractor.forward, {"backbone": 0.0, "model": 0.0}

    def timed(images: torch.Tensor) -> Any:
        started = time.process_time()
        features = features_of(images)
        used["backbone"] += time.process_time() - started
        return features

    extractor.forward = timed
    whole = time.process_time()
    with torch.inference_mode():
        for batch in batches(paths):
            started = time.process_time()
            scores += model(batch).pred_score.flatten().tolist()
            used["model"] += time.process_time() - started
    whole = time.process_time() - whole
    output.write_text(json.dumps({path.name: value for path, value in zip(paths, scores, strict=True)}), "utf-8")
    milliseconds = {"whole": whole, "scoring": used["model"] - used["backbone"]}
    return {key: 1000 * value / len(paths) for key, value in milliseconds.items()}


def main() -> None:
    """Fit, or score."""
    parser = argparse.ArgumentParser()
    parser.add_argument("step", choices=["fit", "score"])
    parser.add_argument("name", choices=list(OPTIONS))
    parser.add_argument("images", type=Path, help="folder of images, or of folders of images")
    parser.add_argument("model", type=Path)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    paths = sorted(options.images.rglob("*.png"))
    if options.step == "fit":
        print(json.dumps(fit(options.name, paths, options.model, options.weights)))
    else:
        print(json.dumps(score(options.name, paths, options.model, options.output)))


if __name__ == "__main__":
    main()
