"""Lightning's Trainer for a training run."""

import sys
from collections.abc import Sequence
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.accelerators import AcceleratorRegistry
from pytorch_lightning.loggers import Logger
from pytorch_lightning.plugins.environments import LightningEnvironment  # type: ignore[attr-defined]
from pytorch_lightning.utilities.exceptions import MisconfigurationException  # type: ignore[attr-defined]

from aecli.errors import UnavailableError
from aecli.inference.torch_backend import find_device
from aecli.runtime.lightning_internals import disable_signal_handlers, raise_interrupted
from aecli.runtime.processes import launched_by_torchrun
from aecli.training.request import Hardware, TrainingRequest
from aecli.training.training_state import WholeFileCheckpoints


def make_trainer(
    request: TrainingRequest, hardware: Hardware, callbacks: Sequence[pl.Callback], loggers: Sequence[Logger]
) -> pl.Trainer:
    """Return a Trainer that leaves signals, the console and the run folder to aecli.

    Raises:
        UnavailableError: this machine lacks the accelerator or the precision.
    """
    processes, strategy = hardware.processes, hardware.strategy
    accelerator, _, number = hardware.device.partition(":")
    if not is_available(accelerator):
        raise UnavailableError(f"device {accelerator} is not available on this machine", hint="--device auto")
    if accelerator == "auto" and sys.platform == "darwin" and find_device("auto").type == "cpu":
        accelerator = "cpu"  # Lightning would choose mps even where it cannot be used
    plugins: list[Any] = [WholeFileCheckpoints()]
    if not (launched_by_torchrun() or processes.launched_by_slurm):
        plugins.append(LightningEnvironment())
    try:
        trainer = pl.Trainer(
            accelerator=accelerator,
            devices=[int(number)] if number else processes.devices,
            num_nodes=processes.nodes,
            strategy="ddp" if strategy == "auto" and processes.world_size > 1 else strategy,
            use_distributed_sampler=False,
            precision=request.recipe.training.precision,
            max_epochs=request.recipe.training.epochs,
            logger=list(loggers) or False,
            log_every_n_steps=1,
            callbacks=list(callbacks),
            plugins=plugins,
            default_root_dir=request.folder.path,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
        )
    except (MisconfigurationException, ImportError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise UnavailableError(f"cannot train on this machine: {reason}", hint="--device auto") from error
    if trainer.strategy.root_device.type == "mps" and request.recipe.training.precision == "64-true":
        raise UnavailableError("device mps has no numbers of 64 bits", hint="--precision 32-true, or --device cpu")
    disable_signal_handlers(trainer)
    raise_interrupted(trainer)
    return trainer


def is_available(accelerator: str) -> bool:
    """Return whether this machine has an accelerator of this name, one of `processes.ACCELERATORS`."""
    if accelerator == "auto":
        return True
    names = ("cuda", "mps") if accelerator == "gpu" else (accelerator,)
    return any(AcceleratorRegistry[name]["accelerator"].is_available() for name in names if name in AcceleratorRegistry)
