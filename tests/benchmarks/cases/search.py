"""Search for the nearest codes, compared with scikit-learn's NearestNeighbors on the same codes.

The codes have 128 values and come from the mlp recipe, trained on mnist5k for 10 epochs: those of all images of
FashionMNIST if it is installed and mnist5k otherwise, and of copies of these that are turned, moved and scaled a
little, until there are enough. Each search is a process of its own. Times are those of the processor, of all threads
together, as the machine may be busy.
"""

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.codes import encode
from tests.benchmarks.measuring import Effort, Row, compare, log, reference, run

TRANSFORMED = 50
"""Images that are changed in the same way, at random places in the set."""


def changed(images: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
    """Return (N, C, H, W) images turned by up to 8 degrees, moved and scaled by up to 8%."""
    import torch
    from torchvision.transforms import v2

    torch.manual_seed(seed)
    change = v2.RandomAffine(8, (0.08, 0.08), (0.92, 1.08), interpolation=v2.InterpolationMode.BILINEAR)
    tensor, order = torch.from_numpy(images.copy()), torch.randperm(len(images))
    for start in range(0, len(images), TRANSFORMED):
        indices = order[start : start + TRANSFORMED]
        tensor[indices] = change(tensor[indices])
    result: NDArray[np.uint8] = tensor.numpy()
    return result


def write_codes(word: str, count: int, path: Path) -> None:
    """Write `count` codes, (count, 128) float32."""
    import aecli

    first = encode(word, "mlp", path.parent)
    images, model = aecli.load_images(word).images, aecli.load(path.parent / "mlp")
    parts = [first.codes.reshape(len(first), -1)]
    while sum(map(len, parts)) < count:
        parts.append(model.encode(changed(images, len(parts))).reshape(len(images), -1))
        log(f"{sum(map(len, parts)):,} codes")
    np.save(path, np.concatenate(parts)[:count])


def measure(count: int, queries: int, methods: tuple[str, str], effort: Effort) -> list[Row]:
    """Search for the nearest of `count` codes with both methods; the reference may be aecli itself."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = effort.cache or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        codes = folder / f"codes-{count}.npy"
        if not codes.exists():
            write_codes(f"{effort.images}:all", count, codes)
        seconds: dict[str, list[float]] = {method: [] for method in methods}
        documents: dict[str, dict[str, Any]] = {}
        for _ in range(effort.repeats_or(1)):
            for method in methods:
                found = folder / f"{method}.npy"
                documents[method] = run(reference("nearest_codes", method, codes, count, queries, found)).document
                seconds[method].append(documents[method]["cpu_seconds"])
                log(f"{method}: {documents[method]}")
        ours, theirs = (np.load(folder / f"{method}.npy") for method in methods)
    memory = " and ".join(f"{documents[method]['peak_mebibytes']:,.0f} MiB" for method in methods)
    recall = float((ours <= theirs[:, -1:] * (1 + 1e-4)).mean())
    return [
        compare(
            f"nearest {queries:,} x 10 among {count:,} codes of 128, {methods[0]}",
            seconds[methods[0]],
            seconds[methods[1]],
            reference_name=methods[1],
            quality=(recall, 1.0),
            quality_name="recall",
            tolerance=0.02,
            note=f"peak memory {memory}",
        )
    ]


EXACT = ("aecli", "scikit-learn")
CASES = {
    "search-100000": partial(measure, 100_000, 1_000, EXACT),
    "search-1000000": partial(measure, 1_000_000, 1_000, EXACT),
    "search-index": partial(measure, 1_000_000, 20_000, ("aecli-index", "aecli")),
}
