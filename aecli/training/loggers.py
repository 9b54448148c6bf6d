"""Where losses go besides `metrics.csv`."""

from collections.abc import Sequence
from importlib.util import find_spec

from pytorch_lightning.loggers import Logger, TensorBoardLogger, WandbLogger

from aecli.errors import UnavailableError, UsageError, unknown
from aecli.training.run_folder import RunFolder

LOGGERS = ("csv", "tensorboard", "wandb")


def make_loggers(names: Sequence[str], folder: RunFolder) -> list[Logger]:
    """Return Lightning's loggers of these names; `csv` is `metrics.csv`, which is always kept, and needs none.

    Raises:
        UsageError: no such logger.
        UnavailableError: its package is not installed.
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
            loggers.append(WandbLogger(save_dir=folder.path, project="aecli", name=folder.path.name))
    return loggers
