"""Train a model: read the images, complete the recipe, train, draw the plots."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from aecli.checkpoint import Checkpoint, ModelRef
from aecli.checkpoint.run_folder import RunFolder
from aecli.codes.aec import SUFFIX
from aecli.data import DataOptions, DataRef, Failure, ImageSet
from aecli.data.formats.aec_images import decoder_files
from aecli.data.loading import DEFAULTS
from aecli.errors import UsageError
from aecli.recipes.schema import Recipe
from aecli.runtime.processes import SINGLE_DEVICE, Processes
from aecli.runtime.progress import Progress
from aecli.workflows.recipe_choice import RecipeChoice, RecipeRequest, choose_recipe
from aecli.workflows.training_export import export_trained
from aecli.workflows.training_plots import draw_plots, plots_if_interrupted

if TYPE_CHECKING:
    from aecli.training.callbacks import TrainingListener
    from aecli.training.pretrained import Pretrained
    from aecli.training.subsets import Subset
    from aecli.training.trained import Trained


@dataclass(frozen=True)
class TrainingPlan:
    """What to train, on which images, and where."""

    data: DataRef
    recipe: RecipeRequest
    folder: RunFolder
    validation: DataRef | None = None
    """None for the val split of `data`, or else a part of it that is held out."""
    data_options: DataOptions = DEFAULTS
    skip_damaged: bool = False
    init_from: ModelRef | None = None
    """The weights to start from."""
    resume: bool = False
    overwrite: bool = False
    export: bool = True
    """Whether to write the exported model, which runs without torch."""
    other_inputs: Sequence[Path] = ()
    """Further files that the run must not replace, such as that of the recipe."""
    loggers: Sequence[str] = ("csv",)
    device: str = "auto"
    processes: Processes = SINGLE_DEVICE
    strategy: str = "auto"
    keep_state: bool = False
    """Whether to keep the training state in the finished run, so that it can be continued."""
    process_ends: bool = False
    """Whether the process ends after the training, so that it need not collect garbage."""

    @property
    def inputs(self) -> list[Path]:
        """The files and folders that are read."""
        paths = [*self.data.paths, *(self.validation.paths if self.validation else ()), *self.other_inputs]
        return [self.init_from.file, *paths] if self.init_from else paths


class TrainingView(Protocol):
    """Shows a training: on the console of a command, or in a notebook."""

    def progress(self) -> AbstractContextManager[Progress]:
        """Return the progress of reading images."""

    def status(self, text: str) -> AbstractContextManager[None]:
        """Show what takes a while."""

    def note(self, text: str) -> None:
        """Show a line."""

    def warn(self, text: str) -> None:
        """Show a warning."""

    def show_images(self, notes: Sequence[str], warnings: Sequence[str], failures: Sequence[Failure]) -> None:
        """Show how the images were read."""

    def listen(self, images: "Subset", validation: "Subset") -> "AbstractContextManager[TrainingListener]":
        """Return what follows the training on these images."""


@dataclass(frozen=True)
class TrainingRun:
    """A finished training."""

    trained: "Trained"
    recipe: Recipe
    """The recipe that runs again as it is."""


def run_training(plan: TrainingPlan, view: TrainingView) -> TrainingRun | None:
    """Train a model and write its run folder, with plots; return None in a process that is not rank 0.

    Raises:
        UsageError: settings contradict each other.
        OutputExistsError: the folder holds a run, or another process uses it.
        InputError: images or weights are missing, damaged or do not fit, or the loss is not finite.
        RecipeError: the recipe does not fit the images or the run to resume.
        UnavailableError: a data set, a package, a device or disk space is not available.
        Interrupted: a signal arrived. Finished epochs are in the folder.
    """
    choice = choose_recipe(plan.recipe, plan.data, plan.data_options, plan.folder, plan.init_from, resume=plan.resume)
    if choice.recipe.training.freeze_encoder and not (plan.init_from or plan.resume):
        raise UsageError("--freeze-encoder needs pretrained weights", hint="start from a model: --init-from CKPT")

    if choice.recipe.task == "features":
        from aecli.workflows.feature_training import check_features_plan

        check_features_plan(plan)
    from aecli.training.subsets import load_subsets

    is_rank_zero = plan.processes.current().is_rank_zero
    with plan.folder.claimed() if is_rank_zero else nullcontext():
        if is_rank_zero:
            plan.folder.require_startable(resume=plan.resume, overwrite=plan.overwrite, inputs=plan.inputs)
        start = _load_start(plan.init_from, view)
        if isinstance(start, Checkpoint) and choice.recipe.task != "features":
            from aecli.training.resolution import with_levels_of

            choice = replace(choice, recipe=with_levels_of(choice.recipe, start))
        with view.progress() as progress:
            images, validation = load_subsets(
                plan.data, plan.validation, choice.recipe, plan.data_options, plan.skip_damaged, progress
            )
        if is_rank_zero:
            if plan.overwrite and any(map(_holds_archived, (images, validation))):
                plan.folder.require_inputs_kept(decoder_files())
            _show_images([images.images, validation.images], view)
        return _fit(plan, choice, images, validation, start, view)


def _holds_archived(subset: "Subset") -> bool:
    """Return whether a codec decoded some of the images."""
    return any(name.lower().endswith(SUFFIX) for name in subset.images.image_names)


def _show_images(sets: Sequence[ImageSet], view: TrainingView) -> None:
    """Show notes, warnings and failures; training and validation images may be of the same set."""
    view.show_images(
        list(dict.fromkeys(note for images in sets for note in images.notes)),
        list(dict.fromkeys(warning for images in sets for warning in images.warnings)),
        list(dict.fromkeys(failure for images in sets for failure in images.failures)),
    )


def _load_start(ref: ModelRef | None, view: TrainingView) -> "Checkpoint | Pretrained | None":
    if ref is None:
        return None
    with view.status("loading torch"):
        from aecli.training.pretrained import load_start

        return load_start(ref.file)


def _fit(
    plan: TrainingPlan,
    choice: RecipeChoice,
    images: "Subset",
    validation: "Subset",
    start: "Checkpoint | Pretrained | None",
    view: TrainingView,
) -> TrainingRun | None:
    if choice.recipe.task == "features":
        return _fit_features(plan, choice, images, validation, start, view)
    listening = view.listen(images, validation)
    with view.status("loading torch"):
        from aecli.runtime.optional_packages import require_lightning

        require_lightning(freeze=plan.process_ends)
        from aecli.training.fit import train
        from aecli.training.loggers import close_loggers, make_loggers
        from aecli.training.request import Hardware, TrainingRequest
        from aecli.training.resolution import resolve_recipe

    recipe = resolve_recipe(choice.recipe, images, start if isinstance(start, Checkpoint) else None)
    view.note(choice.describe(recipe))
    is_rank_zero = plan.processes.current().is_rank_zero
    loggers = make_loggers(plan.loggers, plan.folder) if is_rank_zero else []
    request = TrainingRequest(recipe, images, validation, plan.folder, plan.resume, start, plan.keep_state)
    with plots_if_interrupted(request) if is_rank_zero else nullcontext(), listening as listener:
        trained = train(
            request,
            Hardware(plan.device, plan.processes, plan.strategy),
            loggers=loggers,
            listener=listener if is_rank_zero else None,
        )
    if trained is None:
        return None
    close_loggers(loggers)
    with plots_if_interrupted(request):
        draw_plots(trained, plan.folder)
    if recipe.penalty.rate_weights and (trained.has_new_epoch or trained.checkpoint.prior is None):
        from aecli.training.codec_prior import finish_codec

        with view.progress() as progress:
            finished = finish_codec(trained.checkpoint, request, progress)
        trained = replace(trained, checkpoint=finished, has_new_prior=True)
    _export(trained, plan, view)
    return TrainingRun(trained, recipe)


def _fit_features(
    plan: TrainingPlan,
    choice: RecipeChoice,
    images: "Subset",
    validation: "Subset",
    start: "Checkpoint | Pretrained | None",
    view: TrainingView,
) -> TrainingRun:
    """Fit a model of features, which needs no Lightning."""
    with view.status("loading torch"):
        from aecli.training.request import Hardware, TrainingRequest
        from aecli.training.resolution import resolve_recipe
        from aecli.workflows.feature_training import threshold_warning, train_features

        recipe = resolve_recipe(choice.recipe, images)
    view.note(choice.describe(recipe))
    request = TrainingRequest(recipe, images, validation, plan.folder, plan.resume, start)
    trained = train_features(request, Hardware(plan.device), view, download=plan.data_options.download)
    if warning := threshold_warning(trained.checkpoint):
        view.warn(warning)
    _export(trained, plan, view)
    return TrainingRun(trained, recipe)


def _export(trained: "Trained", plan: TrainingPlan, view: TrainingView) -> None:
    with view.status("exporting the model"):
        failure = export_trained(trained, plan.folder, wanted=plan.export)
    if failure:
        view.warn(failure)
