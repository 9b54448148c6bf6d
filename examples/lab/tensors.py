"""A DATA word as batches of tensors, normalized as the laboratory does it."""

import torch
from torch.utils.data import DataLoader, TensorDataset

import aecli

MEAN, STD = 0.1307, 0.3081


def batches(word: str, shuffle: bool) -> DataLoader:
    images = aecli.load_images(word)
    pixels = torch.from_numpy(images.images / 255).float()
    data = TensorDataset((pixels - MEAN) / STD, torch.from_numpy(images.labels).long())
    return DataLoader(data, batch_size=256, shuffle=shuffle)
