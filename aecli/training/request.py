"""What to train, into which folder, and on which hardware."""

from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

from aecli.checkpoint import Checkpoint, load_checkpoint
from aecli.checkpoint.run_folder import RunFolder
from aecli.checkpoint.trained_images import TrainedImages
from aecli.errors import InputError
from aecli.recipes.schema import Recipe
from aecli.runtime.processes import SINGLE_DEVICE, Processes
from aecli.training.pretrained import Pretrained
from aecli.training.subsets import Subset


@dataclass(frozen=True)
class TrainingRequest:
    """One training run."""

    recipe: Recipe
    """As `resolve_recipe` returns it."""
    images: Subset
    """The images to train on."""
    validation: Subset
    """The images that the best epoch is chosen on; of the same shape."""
    folder: RunFolder
    """The run's folder; an earlier run in it is replaced unless it is resumed."""
    resume: bool = False
    """Whether to resume from the folder's `last.ckpt`, or to return the results of a run that is finished."""
    init_from: Checkpoint | Pretrained | None = None
    """The initial weights; a classifier may start from an autoencoder's encoder."""
    keep_state: bool = False
    """Whether to keep `last.ckpt` in the finished run, so that it can be continued with more epochs."""

    @cached_property
    def trained_images(self) -> TrainedImages:
        """The images of this training, and those that the initial weights were trained on."""
        earlier = self.init_from.trained_images if isinstance(self.init_from, Checkpoint) else None
        if self.resume:  # --init-from need not be repeated
            with suppress(InputError):
                earlier = load_checkpoint(self.folder.model).trained_images or earlier
        return TrainedImages.of(self.images.images.images, self.images.indices, earlier)


@dataclass(frozen=True)
class Hardware:
    """The devices that train."""

    device: str = "auto"
    """Lightning's accelerator, such as `auto`, `cpu` or `gpu`, and for one of several GPUs its number: `cuda:1`."""
    processes: Processes = SINGLE_DEVICE
    """The processes that train together, each on its share of every batch. This process launches the others, with its
    own command line, unless `torchrun` or SLURM did."""
    strategy: str = "auto"
    """Lightning's strategy, one of `processes.STRATEGIES`."""


ANY_DEVICE = Hardware()
