"""The training step of a codec: the distortion of rounded codes plus the weighted rate, on random crops."""

import torch
from torch import Tensor

from aecli.models.autoencoder import Autoencoder
from aecli.models.corruption import corrupt
from aecli.models.losses import distances, penalty
from aecli.models.rate import quantize, with_noise
from aecli.recipes.schema import Recipe
from aecli.runtime.processes import SINGLE_PROCESS, Process
from aecli.training.batches import Batch, Batches
from aecli.training.module import AutoencoderModule
from aecli.training.seeds import Stream

START_IMAGES = 64
"""Images whose codes the distribution starts from."""


class CodecModule(AutoencoderModule):
    """Trains an autoencoder with `penalty.rate_weights`; each image of a batch gets one of the rates at random.

    Validation images are cropped too, and get the same rates after every epoch. The distribution of the codes is fitted
    to a few of them before the first step, unless `has_distribution`: the weights to start from include one.
    """

    rate_weights: Tensor

    def __init__(
        self,
        model: Autoencoder,
        recipe: Recipe,
        train: Batches,
        validation: Batches,
        process: Process = SINGLE_PROCESS,
        *,
        has_distribution: bool = False,
    ):
        super().__init__(model, recipe, train, validation, process)
        self._has_distribution = has_distribution
        # On the device already: a copy from the host would make a GPU wait, and keep a step from being recorded.
        self.register_buffer("rate_weights", torch.tensor(recipe.penalty.rate_weights), persistent=False)

    def on_train_start(self) -> None:
        super().on_train_start()
        if self.global_step == 0 and self.current_epoch == 0 and not self._has_distribution:
            self._fit_start()

    @torch.no_grad()
    def _fit_start(self) -> None:
        """Fit the scales of the distribution to the codes of a few images."""
        count = min(START_IMAGES, self.train_batches.image_count)
        spread = torch.linspace(0, self.train_batches.image_count - 1, count).round().long()
        generator = torch.Generator(self.device).manual_seed(self.recipe.training.seed)
        codes = []
        for indices in torch.split(spread, self.recipe.training.images_per_step):
            images = self.train_batches.take(indices)
            assert isinstance(images, Tensor)
            codes.append(self.model.encode(self.model.normalize(self._cropped(images, generator))))
        self.model.rate.fit_start(torch.cat(codes))

    def _loss(self, batch: Batch, stage: str, stream: Stream) -> Tensor:
        assert isinstance(batch, Tensor)
        recipe, model, generator = self.recipe, self.model, self._generators[stream]
        images = self._cropped(batch, generator)
        clean = model.normalize(images)
        corrupted = corrupt(clean, recipe.corruption, model.black, generator)
        target = clean if recipe.corruption.target == "clean" else corrupted
        code = model.encode(corrupted)
        weights = self.rate_weights
        rates = torch.randint(len(weights), (len(images),), device=code.device, generator=generator)
        steps = model.rate.steps(rates, code.ndim)
        noise = torch.rand(code.shape, device=code.device, generator=generator)
        estimated = with_noise(code, steps, noise) if stage == "train" else quantize(code, steps)
        pixels = target.shape[-2] * target.shape[-1]
        rate = model.rate.bits(estimated, steps).flatten(1).sum(1) / pixels  # (N,) bits per pixel
        reconstruction = self._decoded(quantize(code, steps), target)
        distortion = distances(reconstruction, target, recipe.objective)
        balanced = (distortion + weights[rates] * rate) / weights[rates] ** recipe.penalty.rate_balance
        loss = balanced.mean() + penalty(code, recipe.penalty)
        self._add_to_sums(stage, len(images), loss)
        return loss

    def _decoded(self, codes: Tensor, target: Tensor) -> Tensor:
        """Decode codes to images of the target's size, which may be a crop."""
        if not self.recipe.training.crop:
            return self.model.decode(codes)
        height, width = target.shape[-2:]
        expanded: Tensor = self.model.decoder.expand(codes)  # type: ignore[operator]
        return expanded[..., :height, :width]

    def _cropped(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Return a random square crop of each image, (N, C, H, W) -> (N, C, crop, crop)."""
        crop, (count, _, height, width) = self.recipe.training.crop, images.shape
        if not crop or crop >= max(height, width):
            return images
        rows, columns = (
            _random_range(side, min(crop, side), count, images.device, generator) for side in (height, width)
        )
        image = torch.arange(count, device=images.device)
        cut = images[image[:, None, None], :, rows[:, :, None], columns[:, None, :]]  # (N, crop, crop, C)
        return cut.permute(0, 3, 1, 2)


def _random_range(side: int, length: int, count: int, device: torch.device, generator: torch.Generator) -> Tensor:
    """Return `count` random ranges of `length` positions below `side`, (count, length)."""
    first = torch.randint(side - length + 1, (count, 1), device=device, generator=generator)
    return first + torch.arange(length, device=device)
