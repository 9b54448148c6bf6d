"""Lightning's loggers, which record losses besides `metrics.csv`."""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from pytorch_lightning.loggers import Logger, TensorBoardLogger, WandbLogger

from aecli.checkpoint.run_folder import RunFolder
from aecli.errors import UnavailableError, UsageError, unknown

LOGGERS = ("csv", "tensorboard", "wandb")


def make_loggers(names: Sequence[str], folder: RunFolder) -> list[Logger]:
    """Return Lightning's loggers of these names; `csv` needs none, because `metrics.csv` is always written.

    Raises:
        UsageError: a logger is unknown.
        UnavailableError: a logger's package is not installed.
    """
    loggers: list[Logger] = []
    for name in dict.fromkeys(word.strip() for word in names if word.strip()):
        if name not in LOGGERS:
            raise UsageError(unknown("logger", name, LOGGERS))
        if name != "csv" and not find_spec(name):
            raise UnavailableError(f"logger {name} is not installed", hint=f"pip install {name}")
        if name == "tensorboard":
            loggers.append(TensorBoardLogger(folder.path, name=folder.tensorboard.name, version=""))
        elif name == "wandb":
            loggers.append(WandbLogger(save_dir=folder.path, experiment=_wandb_run(folder)))
    return loggers


def close_loggers(loggers: Sequence[Logger]) -> None:
    """Finish runs of Weights & Biases, which Lightning leaves open until the process ends."""
    for logger in loggers:
        if isinstance(logger, WandbLogger):
            logger.experiment.finish()


def _wandb_run(folder: RunFolder) -> Any:
    """Start a run of Weights & Biases that does not write to the console; Lightning's own start prints a warning."""
    import wandb

    try:
        settings = wandb.Settings(silent=True, console="off")
        return wandb.init(project="aecli", name=folder.path.name, dir=folder.path, settings=settings)
    except wandb.Error as error:
        reason = str(error).splitlines()[0]
        raise UnavailableError(f"Weights & Biases: {reason}", hint="wandb login, or WANDB_MODE=offline") from error
