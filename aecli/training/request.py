"""What to train, into which folder, and on which hardware."""

from dataclasses import dataclass

from aecli.checkpoint import Checkpoint
from aecli.checkpoint.run_folder import RunFolder
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
    """Whether to resume from the folder's `last.ckpt`."""
    init_from: Checkpoint | Pretrained | None = None
    """The initial weights; a classifier may start from an autoencoder's encoder."""


@dataclass(frozen=True)
class Hardware:
    """The devices that train."""

    accelerator: str = "auto"
    """Lightning's accelerator, such as `auto`, `cpu` or `gpu`."""
    processes: Processes = SINGLE_DEVICE
    """The processes that train together, each on its share of every batch. This process launches the others, with its
    own command line, unless `torchrun` or SLURM did."""
    strategy: str = "auto"
    """Lightning's strategy, one of `processes.STRATEGIES`."""


ANY_DEVICE = Hardware()
