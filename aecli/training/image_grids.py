"""Image grids for loggers: reconstructions of validation images after each epoch."""

from collections.abc import Sequence

import numpy as np
import pytorch_lightning as pl
from numpy.typing import NDArray
from pytorch_lightning.loggers import Logger, TensorBoardLogger, WandbLogger

from aecli.data.grids import grid
from aecli.models.autoencoder import Autoencoder
from aecli.recipes.schema import Recipe
from aecli.training.module import TrainingModule
from aecli.training.preview import preview
from aecli.training.subsets import Subset

COLUMNS = 10


class ImageGrids(pl.Callback):
    """Logs a grid of 50 images, 10 in a row, for each panel of `preview`."""

    def __init__(self, loggers: Sequence[Logger], recipe: Recipe, validation: Subset):
        self._loggers = loggers
        self._recipe = recipe
        self._validation = validation

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        assert isinstance(module, TrainingModule)
        assert isinstance(module.model, Autoencoder)
        if not trainer.is_global_zero:
            return
        module.model.eval()
        panels = preview(module.model, self._recipe, self._validation)
        module.model.train()
        for title, images in panels.items():
            self._log(f"images/{title.replace(' ', '_')}", grid(images, COLUMNS), module.steps_done)

    def _log(self, key: str, image: NDArray[np.uint8], step: int) -> None:
        for logger in self._loggers:
            if isinstance(logger, TensorBoardLogger):
                logger.experiment.add_image(key, image, step)
            elif isinstance(logger, WandbLogger):
                logger.log_image(key, [image.transpose(1, 2, 0).squeeze()], step=step)
