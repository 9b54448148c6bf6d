"""The reference for reading a folder of images: torchvision's ImageFolder in a DataLoader.

    python -m tests.benchmarks.references.notebook_folder FOLDER SIZE

Prints one JSON document.
"""

import json
import sys
import time

from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.transforms import Compose, Resize, ToTensor


def main(folder: str, size: int) -> None:
    """Read all images once, resized, as tensors."""
    started = time.perf_counter()
    files = ImageFolder(folder, Compose([Resize((size, size)), ToTensor()]))
    count = sum(len(images) for images, _ in DataLoader(files, batch_size=256, num_workers=2))
    print(json.dumps({"count": count, "seconds": time.perf_counter() - started}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
