"""The codes of images as points in the plane, for the map of a report on a run."""

from aecli.analyses.embedding import Embedding
from aecli.analyses.tsne.embed import embed
from aecli.codes import Codes
from aecli.errors import InputError
from aecli.reports.run.images import NoImages
from aecli.reports.run.options import RunReportOptions
from aecli.runtime.progress import Progress


def embed_codes(codes: Codes, options: RunReportOptions, progress: Progress) -> Embedding | NoImages:
    """Embed a sample of the codes; the reason is returned if there are too few, or if all are equal."""
    try:
        return embed(codes, options.plane, progress)
    except InputError as error:
        return NoImages(error.message)
