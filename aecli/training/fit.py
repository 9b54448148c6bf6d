"""A recipe and images become a run folder."""

import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, cast

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from pytorch_lightning.loggers import Logger
from pytorch_lightning.plugins.environments import LightningEnvironment  # type: ignore[attr-defined]
from pytorch_lightning.strategies.launchers import _SubprocessScriptLauncher
from pytorch_lightning.utilities.exceptions import MisconfigurationException  # type: ignore[attr-defined]
from torch import AcceleratorError, OutOfMemoryError
from torch.distributed import DistBackendError

from aecli.checkpoint import (
    Checkpoint,
    CheckpointHeader,
    DataSource,
    ResidualQuantiles,
    TrainingSummary,
    load_checkpoint,
    save_checkpoint,
)
from aecli.checkpoint.run_folder import EpochMetrics, RunFolder
from aecli.codes.quantizer import fit_quantizers
from aecli.errors import InputError, Interrupted, UnavailableError
from aecli.inference.model import batches
from aecli.inference.torch_backend import encode_indices
from aecli.inference.torch_classifier import TorchClassifier
from aecli.models.allocator import keep_freed_memory
from aecli.models.autoencoder import Autoencoder
from aecli.models.classifier import Classifier
from aecli.recipes.schema import Recipe
from aecli.runtime.optional_packages import quiet_lightning
from aecli.runtime.processes import SINGLE_DEVICE, Process, Processes, launched_by_torchrun
from aecli.training.batches import Batches
from aecli.training.callbacks import (
    History,
    ListenerCallback,
    RunFolderCallback,
    TrainingListener,
    WholeFileCheckpoints,
)
from aecli.training.classifier_module import ClassifierModule
from aecli.training.image_grids import ImageGrids
from aecli.training.module import AutoencoderModule, TrainingModule
from aecli.training.precision import bfloat16_slowdown
from aecli.training.pretrained import Pretrained, start_from
from aecli.training.preview import preview
from aecli.training.seeds import Stream, stream_seed
from aecli.training.subsets import Subset

QUANTILES = [*(percent / 100 for percent in range(100)), 0.995, 0.999, 1.0]

SLOW = 1.1
"""By how much lower precision may take longer before a person is told."""

BATCHES_A_CALL = 32
"""Of Lightning's loop on a GPU, where a call takes longer than a step."""

DAMAGED = (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
"""What Lightning and torch raise where a state is not what they wrote."""

DEVICE_FAILURES = (OutOfMemoryError, AcceleratorError, DistBackendError)
"""What they raise where a device or the connection between some fails, whatever the state."""

QUANTIZER_IMAGES = 2000
"""Training images whose codes quantizers are chosen on."""


@dataclass(frozen=True)
class Trained:
    """What a run gave."""

    checkpoint: Checkpoint
    """The best epoch's model."""
    history: Sequence[EpochMetrics]
    preview: Mapping[str, NDArray[np.uint8]]
    """Titled panels of some validation images, as `preview` makes them; none for a classifier."""
    confusion: NDArray[np.int64] | None
    """(K, K) validation images by their class and by the one that a classifier gives them; None for an autoencoder."""


def train(
    recipe: Recipe,
    images: Subset,
    validation: Subset,
    folder: RunFolder,
    *,
    resume: bool = False,
    init_from: Checkpoint | Pretrained | None = None,
    accelerator: str = "auto",
    processes: Processes = SINGLE_DEVICE,
    strategy: str = "auto",
    loggers: Sequence[Logger] = (),
    listener: TrainingListener | None = None,
) -> Trained | None:
    """Train a model and keep its run folder up to date while doing so.

    Args:
        recipe: with `resolve_recipe` done.
        images: to train on.
        validation: to choose the best epoch on; the same shape.
        folder: the run's; an earlier run in it is replaced, unless this one goes on with it.
        resume: go on from the folder's `last.ckpt`.
        init_from: begin with these weights; a classifier may begin with an autoencoder's encoder.
        accelerator: Lightning's, such as `auto`, `cpu` or `gpu`.
        processes: that train together, each with its share of every batch. This one begins the others, unless
            `torchrun` or SLURM did: they run the same command line as this one.
        strategy: Lightning's, one of `processes.STRATEGIES`.
        loggers: Lightning's, besides the folder's `metrics.csv`.
        listener: told how it goes.

    Returns:
        The best model and how it came; None in a process that is not the first.

    Raises:
        InputError: the loss is not finite any more, the run cannot be resumed with these images, or the weights to
            start from do not fit.
        RecipeError: the run to resume was begun with another recipe.
        UnavailableError: no such accelerator or precision here, or the folder cannot be written.
        Interrupted: by a signal. What was done is in the folder.
    """
    keep_freed_memory()
    model = _new_model(recipe, images)
    if init_from:
        start_from(model, init_from, images.images.class_names)
    process = processes.current()
    sources = {"training": _source(images), "validation": _source(validation)}
    history = History({what: source.fingerprint for what, source in sources.items()})

    def save_best() -> None:
        _save_best(recipe, images, validation, folder, history, sources)

    saver = RunFolderCallback(folder, history, save_best)
    callbacks: list[pl.Callback] = [history, saver]
    if listener:
        callbacks.append(ListenerCallback(listener, history))
    if loggers and isinstance(model, Autoencoder):
        callbacks.append(ImageGrids(loggers, recipe, validation))
    plugins: list[Any] = [WholeFileCheckpoints()]
    if not (launched_by_torchrun() or processes.launched_by_slurm):
        plugins.append(LightningEnvironment())
    with quiet_lightning():
        try:
            trainer = pl.Trainer(
                accelerator=accelerator,
                devices=processes.devices,
                num_nodes=processes.nodes,
                strategy="ddp" if strategy == "auto" and processes.world_size > 1 else strategy,
                use_distributed_sampler=False,
                precision=recipe.training.precision,
                max_epochs=recipe.training.epochs,
                logger=list(loggers) or False,
                log_every_n_steps=1,
                callbacks=callbacks,
                plugins=plugins,
                default_root_dir=folder.path,
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
                num_sanity_val_steps=0,
            )
        except (MisconfigurationException, ValueError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise UnavailableError(f"cannot train here: {reason}", hint="--accelerator auto") from error
        # Lightning's handler of SIGTERM waits for the other processes: for ever, where it interrupts a call that does.
        trainer._signal_connector.register_signal_handlers = lambda: None  # type: ignore[method-assign]
        module = _new_module(model, recipe, images, validation, process)
        device = trainer.strategy.root_device
        if device.type == "cuda":
            module.train_batches.batches_a_call = module.validation_batches.batches_a_call = BATCHES_A_CALL
        _warn_of_slowness(device, recipe, listener)
        if process.is_rank_zero:
            folder.begin(recipe, resume=resume)
        try:
            with _explain_damage(folder, history, resume):
                trainer.fit(module, ckpt_path=folder.state if resume else None, weights_only=True)
        except BaseException as error:
            if isinstance(trainer.strategy.launcher, _SubprocessScriptLauncher):
                trainer.strategy.launcher.kill(signal.SIGTERM)  # the others would wait for this one
            if process.is_rank_zero and not folder.discard_if_empty() and isinstance(error, Interrupted):
                error.hint = f"go on with the same command and --resume; what is done is in {folder.path}"
            raise
    if not process.is_rank_zero:
        return None
    saver.save_results()
    checkpoint, epochs = load_checkpoint(folder.model), tuple(history.epochs)
    if recipe.task == "classifier":
        return Trained(checkpoint, epochs, {}, _confusion(TorchClassifier(checkpoint, str(device)), validation))
    return Trained(checkpoint, epochs, preview(checkpoint.autoencoder, recipe, validation), None)


def _warn_of_slowness(device: torch.device, recipe: Recipe, listener: TrainingListener | None) -> None:
    if not listener or device.type != "cpu" or recipe.training.precision not in ("bf16-mixed", "16-mixed"):
        return  # on the CPU, Lightning takes bfloat16 for both
    if (slowdown := bfloat16_slowdown()) > SLOW:
        listener.on_warning(
            f"products of bfloat16 take {slowdown:.1f} times as long as those of float32 on this processor: "
            "training is faster with --precision 32-true"
        )


@contextmanager
def _explain_damage(folder: RunFolder, history: History, resume: bool) -> Iterator[None]:
    """Say of what fails before the first epoch of a resumed run that its state is to blame.

    Raises:
        InputError: Lightning or torch could not go on from the state.
    """
    try:
        yield
    except DAMAGED as error:
        if not resume or history.goes_on or isinstance(error, DEVICE_FAILURES):
            raise
        raise InputError(
            f"damaged training state: {folder.state}: {type(error).__name__}", hint="start again with --overwrite"
        ) from error


def _new_model(recipe: Recipe, images: Subset) -> Autoencoder | Classifier:
    model_recipe = recipe.model
    # A resolved recipe has no open ends.
    shape = cast("tuple[int, int, int]", model_recipe.image_shape)
    mean, std = cast(list[float], model_recipe.mean), cast(list[float], model_recipe.std)
    arguments = (model_recipe.architecture, shape, model_recipe.arguments, mean, std)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(recipe.training.seed, Stream.WEIGHTS))
        if recipe.task == "classifier":
            return Classifier(*arguments, len(images.images.class_names))
        return Autoencoder(*arguments)


def _new_module(
    model: Autoencoder | Classifier, recipe: Recipe, images: Subset, validation: Subset, process: Process
) -> TrainingModule:
    size, seed = recipe.training.batch_size, recipe.training.seed
    labeled = isinstance(model, Classifier)
    subsets = (
        Batches(images, size, seed, labeled=labeled, process=process),
        Batches(validation, size, labeled=labeled, process=process),
    )
    if isinstance(model, Classifier):
        return ClassifierModule(model, recipe, *subsets, process)
    return AutoencoderModule(model, recipe, *subsets, process)


def _save_best(
    recipe: Recipe,
    images: Subset,
    validation: Subset,
    folder: RunFolder,
    history: History,
    sources: dict[str, DataSource],
) -> None:
    best = history.best
    assert best is not None
    model = _new_model(recipe, images)
    model.load_state_dict(history.best_weights)
    model.to(next(iter(history.best_weights.values())).device)
    mse, quantiles, quantizers = None, ResidualQuantiles([], []), []
    if isinstance(model, Autoencoder):
        _, residuals = encode_indices(model.eval(), validation.images.images, validation.indices)
        mse = float(np.square(residuals, dtype=np.float64).mean() / np.prod(model.image_shape))
        quantiles = ResidualQuantiles(QUANTILES, [float(q) for q in np.quantile(residuals, QUANTILES)])
        quantizers = fit_quantizers(_sample_codes(model, images))
    header = CheckpointHeader(
        architecture=model.architecture,
        arguments=model.arguments,
        image_shape=model.image_shape,
        code_shape=model.code_shape,
        mean=cast(list[float], recipe.model.mean),
        std=cast(list[float], recipe.model.std),
        parameters=model.parameter_count(),
        recipe=recipe.to_dict(),
        data=sources["training"],
        validation=sources["validation"],
        training=TrainingSummary(
            epochs=len(history.epochs),
            best_epoch=best.epoch,
            train_loss=best.train_loss,
            val_loss=best.val_loss,
            val_mse=mse,
            val_accuracy=best.val_accuracy,
        ),
        residual_quantiles=quantiles,
        quantizers=quantizers,
        class_names=list(images.images.class_names),
        task=recipe.task,
        versions={name: version(name) for name in ("aecli", "torch", "pytorch-lightning")},
    )
    save_checkpoint(model, header, folder.model)


def _confusion(model: TorchClassifier, subset: Subset) -> NDArray[np.int64]:
    count = len(model.class_names)
    cells = np.zeros(count * count, np.int64)
    for batch in batches(len(subset), model.image_shape):
        given = model.classify(subset.images.images[subset.indices[batch]]).argmax(axis=1)
        cells += np.bincount(subset.labels[batch] * count + given, minlength=count * count)
    return cells.reshape(count, count)


def _sample_codes(model: Autoencoder, images: Subset) -> NDArray[np.float32]:
    spread = np.linspace(0, len(images) - 1, min(QUANTIZER_IMAGES, len(images))).round().astype(np.int64)
    return encode_indices(model, images.images.images, images.indices[spread])[0]


def _source(subset: Subset) -> DataSource:
    return DataSource(subset.images.word, subset.images.fingerprint, len(subset))
