"""Run classifiers with torch."""

import numpy as np
import torch
from numpy.typing import NDArray

from aecli.checkpoint import Checkpoint
from aecli.data.conversion import Conversion
from aecli.inference.inputs import ImagesLike
from aecli.inference.model import as_input, batches, conversion_of, ensure_writable, require_finite
from aecli.inference.torch_backend import to_device
from aecli.runtime.progress import Progress, silent


class TorchClassifier:
    """A classifier on a torch device.

    Raises:
        InputError: the checkpoint is an autoencoder.
        UnavailableError: the device is not available.
    """

    def __init__(self, checkpoint: Checkpoint, device: str = "auto"):
        self.header = checkpoint.header
        self.fingerprint = checkpoint.fingerprint
        self.trained_images = checkpoint.trained_images
        self._model = to_device(checkpoint.classifier, device)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of the input images."""
        return self.header.image_shape

    @property
    def conversion(self) -> Conversion:
        """How images become the model's input."""
        return conversion_of(self.header)

    @property
    def class_names(self) -> tuple[str, ...]:
        """The K classes, in the order of their probabilities."""
        return tuple(self.header.class_names)

    def classify(self, images: ImagesLike, progress: Progress = silent) -> NDArray[np.float32]:
        """Return the probability of each class for each image.

        Args:
            images: An array, a torch tensor, a Pillow image, the path of an image file, or a list of single images;
                see `aecli.inference.model.Model.encode`.
            progress: Called after each batch.

        Returns:
            (N, K) float32; each row sums to 1.

        Raises:
            InputError: the images do not fit the model, a file cannot be read, or the results overflow.
        """
        images = as_input(images, self.header)
        probabilities = np.empty((len(images), len(self.class_names)), np.float32)
        for batch in batches(len(images), self.image_shape):
            (probabilities[batch],) = require_finite(self._classify(ensure_writable(images[batch])))
            progress("classifying images", batch.stop, len(images))
        return probabilities

    @torch.inference_mode()
    def _classify(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        _, logits = self._model(self._model.normalize(torch.from_numpy(images).to(self._model.mean.device)))
        probabilities: NDArray[np.float32] = logits.float().softmax(dim=1).cpu().numpy()
        return probabilities
