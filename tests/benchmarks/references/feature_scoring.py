"""Time what aecli does after the backbone of a model of features, one thread: `feature_scoring RUN IMAGES`.

Prints CPU milliseconds an image as JSON: `joining` the backbone's maps on one grid with the projection on principal
components, which runs as part of the model, and `scoring` by the run's detector.
"""

import argparse
import json
import time
from pathlib import Path

import torch

from aecli.checkpoint import load_checkpoint, resolve_model
from aecli.data import DataOptions, load
from aecli.detection.detector import detector_for
from aecli.inference import load as load_model
from aecli.inference.model import batch_size
from aecli.models.backbone import outputs
from aecli.models.feature_model import FeatureModel
from aecli.storage.run_files import MODEL_FILE

REPEATS = 5


def scoring(run: Path, images: str) -> dict[str, float]:
    """Return CPU milliseconds an image."""
    torch.set_num_threads(1)
    model = load_model(resolve_model(run))
    detector = detector_for(model, None)
    pixels = load(images, DataOptions(), model.conversion).images
    found = list(model.outputs(pixels))
    started = time.process_time()
    for output in found * REPEATS:
        detector.apply(output)
    seconds = {"scoring": (time.process_time() - started) / (len(pixels) * REPEATS)}

    features = load_checkpoint(run / MODEL_FILE).model
    assert isinstance(features, FeatureModel)
    encoder, backbone = features.eval().encoder, features.encoder.backbone
    with torch.inference_mode():
        x = features.normalize(torch.from_numpy(pixels[: batch_size(model.image_shape)]))
        colored = (x.expand(-1, 3, -1, -1) - backbone.mean) / backbone.std
        maps = outputs(backbone.network, colored, backbone.layers)
        started = time.process_time()
        for _ in range(REPEATS):
            joined = torch.cat([backbone._on_grid(each) for each in maps], 1)
            encoder.projection(encoder.standardize(joined))
        seconds["joining"] = (time.process_time() - started) / (len(x) * REPEATS)
    return {name: 1000 * value for name, value in seconds.items()}


def main() -> None:
    """Print the times."""
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path)
    parser.add_argument("images")
    options = parser.parse_args()
    print(json.dumps(scoring(options.run, options.images)))


if __name__ == "__main__":
    main()
