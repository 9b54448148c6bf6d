"""The plots of a run folder: those of a finished training, and those of one that a signal interrupts."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from aecli.checkpoint import read_header
from aecli.checkpoint.run_folder import RunFolder
from aecli.errors import AecliError

if TYPE_CHECKING:
    from aecli.training.request import TrainingRequest
    from aecli.training.trained import Trained


def draw_plots(trained: "Trained", folder: RunFolder) -> None:
    """Draw the losses, and reconstructions or the confusion matrix, into the run folder."""
    from aecli.plots import confusion, loss, reconstructions
    from aecli.recipes.schema import Recipe
    from aecli.training.learning_checks import shortfall

    header = trained.checkpoint.header
    recipe, references = Recipe.from_dict(header.recipe, str(folder.recipe)), header.training.references
    accuracies = {}
    if trained.confusion is not None:
        accuracies["most frequent class"] = float(trained.confusion.sum(axis=1).max() / trained.confusion.sum())
    warning = shortfall(recipe, trained.history, references)
    loss.draw(trained.history, folder.loss_plot, references, accuracies, warning)
    if trained.preview:
        reconstructions.draw(trained.preview, folder.reconstructions)
    if trained.confusion is not None:
        confusion.draw(trained.confusion, header.class_names, folder.confusion)


@contextmanager
def plots_if_interrupted(request: "TrainingRequest") -> Iterator[None]:
    """Draw the plots of the finished epochs if a signal, or a failure of the device, ends the `with` block."""
    try:
        yield
    except AecliError:
        raise
    except BaseException:
        with suppress(Exception):  # the first one is to be reported
            if request.folder.model.exists() and _is_of(request):
                from aecli.training.fit import load_results

                draw_plots(load_results(request), request.folder)
        raise


def _is_of(request: "TrainingRequest") -> bool:
    """Return whether the model in the run folder is of this training, and not of a run that it was to replace."""
    header = read_header(request.folder.model)
    has_images = header.validation.fingerprint == request.validation.source.fingerprint
    return has_images and (request.resume or header.recipe == request.recipe.to_dict())
