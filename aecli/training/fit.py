"""Train a model and write its run folder."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pytorch_lightning as pl
from numpy.typing import NDArray
from pytorch_lightning.loggers import Logger
from torch import AcceleratorError
from torch.distributed import DistBackendError

from aecli.checkpoint import Checkpoint, load_checkpoint
from aecli.checkpoint.run_folder import epochs_since_best, is_finished
from aecli.errors import AecliError, InputError, Interrupted, is_memory_shortage
from aecli.inference.model import batches
from aecli.inference.torch_classifier import TorchClassifier
from aecli.models.autoencoder import Autoencoder
from aecli.models.classifier import Classifier
from aecli.runtime.allocator import kept_freed_memory
from aecli.runtime.lightning_internals import quiet_lightning, terminate_launched_processes
from aecli.runtime.processes import Process
from aecli.training.batches import Batches
from aecli.training.best_model import save_best_model
from aecli.training.callbacks import (
    History,
    ListenerCallback,
    RunFolderCallback,
    TrainingListener,
)
from aecli.training.classifier_module import ClassifierModule
from aecli.training.codec_module import CodecModule
from aecli.training.image_grids import ImageGrids
from aecli.training.initial_model import initial_model
from aecli.training.learning_warnings import LearningWarnings
from aecli.training.module import AutoencoderModule, TrainingModule
from aecli.training.precision import warn_if_slow
from aecli.training.preview import preview
from aecli.training.request import ANY_DEVICE, Hardware, TrainingRequest
from aecli.training.same_images import image_fingerprints, require_images_of, split_of_0_1
from aecli.training.smallest_batch import make_train_batches
from aecli.training.subsets import Subset
from aecli.training.trained import Trained
from aecli.training.trainer import make_trainer

BATCHES_PER_CALL = 32
"""Batches in one call of Lightning's loop on a GPU, where a call takes longer than a step."""

DAMAGE_ERRORS = (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
"""What Lightning and torch raise when they resume from a damaged state."""

DEVICE_ERRORS = (AcceleratorError, DistBackendError)
"""What torch raises when a device or the connection between devices fails, whatever the state."""
CPU_CONNECTION = "gloo"
"""The library that connects processes on CPUs: torch raises its failures as plain errors, with its name in the text."""


@dataclass(frozen=True)
class Session:
    """A run that is ready to start."""

    trainer: pl.Trainer
    module: TrainingModule
    history: History
    run_folder: RunFolderCallback
    process: Process


def train(
    request: TrainingRequest,
    hardware: Hardware = ANY_DEVICE,
    *,
    loggers: Sequence[Logger] = (),
    listener: TrainingListener | None = None,
) -> Trained | None:
    """Train a model, and keep its run folder up to date meanwhile.

    Args:
        request: What to train.
        hardware: The devices to train on.
        loggers: Lightning's loggers, besides the folder's `metrics.csv`.
        listener: Called as training progresses.

    Returns:
        The best model and the metrics of all epochs; None in a process that is not rank 0.

    Raises:
        InputError: the loss is not finite, the run cannot be resumed with these images, or the weights to start from
            do not fit.
        RecipeError: the run to resume has another recipe, or the model cannot be trained on batches of this size.
        UnavailableError: this machine lacks the accelerator or precision, or the folder cannot be written.
        Interrupted: a signal arrived. Finished epochs are in the folder.
    """
    if request.resume and not request.folder.state.exists():
        return _finished(request, hardware)
    with kept_freed_memory(), quiet_lightning():
        session = _make_session(request, hardware, loggers, listener)
        _run(session, request)
    if not session.process.is_rank_zero:
        return None
    request.folder.update_recipe(request.recipe)
    if session.history.has_new_epoch or not _has_results_of(request, len(session.history.epochs)):
        session.run_folder.save_results()
    device = str(session.trainer.strategy.root_device)
    return load_results(request, has_new_epoch=session.history.has_new_epoch, device=device)


def _make_session(
    request: TrainingRequest, hardware: Hardware, loggers: Sequence[Logger], listener: TrainingListener | None
) -> Session:
    model = initial_model(request)
    history = History(request.recipe, image_fingerprints(request), split_of_0_1(request) if request.resume else None)
    run_folder = RunFolderCallback(
        request.folder,
        history,
        lambda: save_best_model(request, history),
        keep_state=request.keep_state,
        on_note=listener.on_note if listener else None,
    )
    learning = LearningWarnings(request, history, listener.on_warning if listener else None)
    callbacks: list[pl.Callback] = [history, run_folder, learning]  # an epoch is saved before all else
    if listener:
        callbacks.append(ListenerCallback(listener, history))
    if loggers and isinstance(model, Autoencoder):
        callbacks.append(ImageGrids(loggers, request.recipe, request.validation))
    trainer = make_trainer(request, hardware, callbacks, loggers)
    process, device = hardware.processes.current(), trainer.strategy.root_device
    module = _make_module(model, request, process)
    if device.type == "cuda":
        module.train_batches.batches_per_call = module.validation_batches.batches_per_call = BATCHES_PER_CALL
    if listener:
        warn_if_slow(device, request.recipe.training.precision, listener.on_warning)
    return Session(trainer, module, history, run_folder, process)


def _has_results_of(request: TrainingRequest, epochs: int) -> bool:
    """Return whether the run folder has the model and the metrics of so many epochs with this recipe.

    Those of a finished run are not written again: the model may have a prior, and a detector has its fingerprint.
    """
    try:
        header, metrics = load_checkpoint(request.folder.model).header, request.folder.load_metrics()
    except AecliError:
        return False
    return header.training.epochs == len(metrics) == epochs and header.recipe == request.recipe.to_dict()


def _make_module(model: Autoencoder | Classifier, request: TrainingRequest, process: Process) -> TrainingModule:
    recipe, labeled = request.recipe, isinstance(model, Classifier)
    train_batches = make_train_batches(request.images, model, recipe, process)
    validation_batches = Batches(request.validation, recipe.training.images_per_step, labeled=labeled, process=process)
    if isinstance(model, Classifier):
        return ClassifierModule(model, recipe, train_batches, validation_batches, process)
    if not recipe.penalty.rate_weights:
        return AutoencoderModule(model, recipe, train_batches, validation_batches, process)
    starts_from_codec = isinstance(request.init_from, Checkpoint)  # the weights of no other model would fit
    return CodecModule(model, recipe, train_batches, validation_batches, process, has_distribution=starts_from_codec)


def _run(session: Session, request: TrainingRequest) -> None:
    trainer, folder, is_rank_zero = session.trainer, request.folder, session.process.is_rank_zero
    if is_rank_zero:
        folder.begin(request.recipe, resume=request.resume)
    try:
        with _explain_damaged_state(session.history, request):
            trainer.fit(session.module, ckpt_path=folder.state if request.resume else None, weights_only=True)
    except BaseException as error:
        terminate_launched_processes(trainer.strategy)
        if is_rank_zero and not folder.discard_if_empty() and isinstance(error, Interrupted):
            error.hint = f"resume with the same command and --resume; finished epochs are in {folder.path}"
        raise


@contextmanager
def _explain_damaged_state(history: History, request: TrainingRequest) -> Iterator[None]:
    """Attribute an exception before the first epoch of a resumed run to the state that it resumes from.

    Raises:
        InputError: Lightning or torch cannot resume from the state.
    """
    try:
        yield
    except DAMAGE_ERRORS as error:
        if not request.resume or history.has_new_epoch or _is_failure_of_machine(error):
            raise
        raise InputError(
            f"damaged training state: {request.folder.state}: {type(error).__name__}",
            hint="start again with --overwrite",
        ) from error


def _is_failure_of_machine(error: BaseException) -> bool:
    """Return whether memory is lacking, or a device or the connection between processes failed."""
    return is_memory_shortage(error) or isinstance(error, DEVICE_ERRORS) or CPU_CONNECTION in str(error).lower()


def _finished(request: TrainingRequest, hardware: Hardware) -> Trained | None:
    """Return the results of a finished run without a training state.

    Raises:
        RecipeError: the run was started with another recipe, and `request.recipe` does not continue it.
        InputError: the run is not finished, or was trained on other images.
    """
    request.folder.begin(request.recipe, resume=True)
    require_images_of(load_checkpoint(request.folder.model).header, request)
    return load_results(request) if hardware.processes.current().is_rank_zero else None


def load_results(request: TrainingRequest, *, has_new_epoch: bool = False, device: str = "cpu") -> Trained:
    """Return the results in the folder of a run that is finished, or was interrupted after an epoch.

    Raises:
        InputError: a file is missing or damaged.
    """
    checkpoint, epochs, recipe = load_checkpoint(request.folder.model), request.folder.load_metrics(), request.recipe
    stops_early = is_finished(recipe, epochs) and len(epochs) < recipe.training.epochs
    stopped_after = epochs_since_best(epochs) if stops_early else None
    if recipe.task == "classifier":
        confusion = _confusion_matrix(TorchClassifier(checkpoint, device), request.validation)
        return Trained(checkpoint, epochs, {}, confusion, stopped_after, has_new_epoch)
    panels = preview(checkpoint.autoencoder, recipe, request.validation)
    return Trained(checkpoint, epochs, panels, None, stopped_after, has_new_epoch)


def _confusion_matrix(model: TorchClassifier, subset: Subset) -> NDArray[np.int64]:
    count = len(model.class_names)
    cells = np.zeros(count * count, np.int64)
    for batch in batches(len(subset), model.image_shape):
        predicted = model.classify(subset.images.images[subset.indices[batch]]).argmax(axis=1)
        cells += np.bincount(subset.labels[batch] * count + predicted, minlength=count * count)
    return cells.reshape(count, count)
