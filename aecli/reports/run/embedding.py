"""The codes of images as points in the plane, for the map of a report on a run."""

from aecli.analyses.embedding import Embedding
from aecli.analyses.embedding_methods import find_method
from aecli.codes import Codes
from aecli.errors import InputError
from aecli.reports.run.not_measured import NotMeasured
from aecli.reports.run.options import RunReportOptions
from aecli.runtime.progress import Progress


def embed_codes(codes: Codes, options: RunReportOptions, progress: Progress) -> Embedding | NotMeasured:
    """Embed a sample of the codes; the reason is returned if there are too few, or if all are equal.

    Raises:
        UnavailableError: the package of the method is not installed.
    """
    try:
        return find_method(options.method).module.embed(codes, options.embedding, progress)
    except InputError as error:
        return NotMeasured(error.message)
