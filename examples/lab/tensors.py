"""Load a DATA word as batches of tensors, with the laboratory's normalization."""

from typing import Any

import torch
from torch.utils.data import DataLoader, TensorDataset

import aecli

MEAN, STD = 0.1307, 0.3081


def batches(word: str, shuffle: bool) -> DataLoader[Any]:
    """Return a loader of images (256, C, H, W) float32 and labels (256,) int64."""
    images = aecli.load_images(word)
    pixels = torch.from_numpy(images.images / 255).float()
    data = TensorDataset((pixels - MEAN) / STD, torch.from_numpy(images.labels).long())
    return DataLoader(data, batch_size=256, shuffle=shuffle)
