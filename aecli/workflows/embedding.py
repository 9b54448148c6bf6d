"""Embed the codes of files in the plane, or place them onto a map, and draw them: a plot, or a page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aecli.analyses.embedding import Embedding
from aecli.analyses.embedding_methods import DEFAULT, EmbeddingMethod, EmbeddingOptions, find_method, method_of_file
from aecli.analyses.placement import find_layout, place
from aecli.codes import Codes, load_codes
from aecli.codes.coordinates import PlaneMap, load_coordinates, save_coordinates
from aecli.data import DataOptions, DataRef, ImageSet, load
from aecli.detection.score_file import ScoreFile
from aecli.errors import UsageError
from aecli.inference.matching import conversion_of_codes, matching_images
from aecli.plots.formats import is_page
from aecli.runtime.progress import Progress, silent

if TYPE_CHECKING:
    from aecli.plots.embedding import Panel

Job = Callable[[Progress], Embedding]
"""Embeds or places the codes of one file."""


@dataclass(frozen=True)
class EmbeddingPlan:
    """Which codes to embed or to place, how, and which images they belong to."""

    files: Sequence[Path]
    """Code files, which become a panel each."""
    method: str | None = None
    """Name of the method; None for the default, or for that of the map."""
    options: EmbeddingOptions = field(default_factory=EmbeddingOptions)
    onto: Path | None = None
    """The coordinates file of a map, among whose points the codes are placed."""
    images: DataRef | None = None
    """The images of the codes; None to draw dots."""
    data_options: DataOptions = field(default_factory=DataOptions)


@dataclass(frozen=True)
class EmbeddedFiles:
    """The codes of files in the plane, with their images."""

    files: Sequence[Path]
    embeddings: Sequence[Embedding]
    """One for each file, all of one method."""
    images: ImageSet | None
    image_indices: Sequence[NDArray[np.int64] | None]
    """For each file the index of each code's image; None without images."""
    notes: Sequence[str]
    """How the options were adapted to the codes."""

    @property
    def titles(self) -> list[str]:
        """The DATA word of each file, and more where that is ambiguous."""
        from aecli.plots.embedding import panel_titles

        return panel_titles(self.embeddings, self.files)

    @property
    def panels(self) -> "list[Panel]":
        """What is drawn of each file."""
        from aecli.plots.embedding import panel

        pixels = None if self.images is None else self.images.images
        return [
            panel(title, embedding, pixels, indices)
            for title, embedding, indices in zip(self.titles, self.embeddings, self.image_indices, strict=True)
        ]

    @property
    def lines(self) -> list[str]:
        """The number of points and the measures of each file, as text."""
        pairs = zip(self.titles, self.embeddings, strict=True)
        return [f"{title}: {embedding.heading}, {embedding.measures}" for title, embedding in pairs]

    def to_dict(self) -> dict[str, Any]:
        """Return the method, its settings and the measures of each file as plain values."""
        return {
            "method": self.embeddings[0].method,
            "layouts": [
                {"codes": str(path)} | embedding.to_dict() | embedding.seconds_to_dict()
                for path, embedding in zip(self.files, self.embeddings, strict=True)
            ],
            "protocol": self.embeddings[0].settings,
        }

    def draw(
        self, output: Path, dpi: int | None = None, scores: ScoreFile | None = None, progress: Progress = silent
    ) -> None:
        """Draw a plot, or write a page to explore if `output` ends in .html or .htm; anomaly scores color a page.

        Raises:
            InputError: `scores` has no score of an image.
            UnavailableError: the file cannot be written.
        """
        if is_page(output):
            from aecli.pages.explorer import write_explorer

            write_explorer(self.panels, self.embeddings, output, scores, progress)
        else:
            from aecli.plots.embedding import draw

            draw(self.panels, output, dpi)

    def save_points(self, path: Path) -> None:
        """Write a coordinates file, onto which other codes of the same model can be placed.

        Raises:
            UnavailableError: the file cannot be written.
        """
        first = self.embeddings[0]
        save_coordinates([embedding.to_points() for embedding in self.embeddings], first.method, first.settings, path)


def embed_files(plan: EmbeddingPlan, progress: Progress = silent) -> EmbeddedFiles:
    """Embed the codes of files, or place them onto a map; all files are checked before the work.

    Raises:
        UsageError: the method does not exist, is not that of the map, or an option does not fit the codes.
        InputError: codes, images or the map are damaged or do not fit, or there are too few codes.
        UnavailableError: a package or the images are not available.
    """
    notes: list[str] = []
    if plan.onto is not None:
        plane_map = load_coordinates(plan.onto)
        method = _method_of_map(plan.method, plane_map)
        codes = [load_codes(path) for path in plan.files]
        jobs = _placements(codes, plan, plane_map, plan.onto, method)
    else:
        method = find_method(plan.method or DEFAULT)
        codes = [load_codes(path) for path in plan.files]
        jobs = _embeddings(codes, plan, method, notes)
    images, image_indices = _images(codes, plan, progress)
    return EmbeddedFiles(plan.files, [job(progress) for job in jobs], images, image_indices, notes)


def _method_of_map(name: str | None, plane_map: PlaneMap) -> EmbeddingMethod:
    """Return the method of a map, which must be the one that was named, if any was."""
    method = method_of_file(plane_map.method)
    if name is not None and find_method(name) is not method:
        raise UsageError(f"--method {name} cannot place codes onto a map by {plane_map.method}", hint="leave it out")
    return method


def _embeddings(codes: Sequence[Codes], plan: EmbeddingPlan, method: EmbeddingMethod, notes: list[str]) -> list[Job]:
    """Check the codes of all files, and add notes on them; return a function for each that embeds them."""
    options = plan.options.of(method)
    for each, path in zip(codes, plan.files, strict=True):
        notes += method.module.require_embeddable(each, options, str(path))
    return [partial(method.module.embed, each, options) for each in codes]


def _placements(
    codes: Sequence[Codes], plan: EmbeddingPlan, plane_map: PlaneMap, map_path: Path, method: EmbeddingMethod
) -> list[Job]:
    """Check the codes of all files; return a function for each that places them onto the map."""
    layouts = [find_layout(plane_map, each, str(path), map_path) for each, path in zip(codes, plan.files, strict=True)]
    return [
        partial(place, each, layout, plane_map, method, plan.options, map_path)
        for each, layout in zip(codes, layouts, strict=True)
    ]


def _images(
    codes: Sequence[Codes], plan: EmbeddingPlan, progress: Progress
) -> tuple[ImageSet | None, list[NDArray[np.int64] | None]]:
    """Return the images to draw, and for each code file the index of each code's image; None without images."""
    if plan.images is None:
        return None, [None for _ in codes]
    conversion = conversion_of_codes(codes[0].meta)
    images = load(plan.images, plan.data_options, conversion, skip_damaged=True, progress=progress)
    return images, [matching_images(each, images) for each in codes]
