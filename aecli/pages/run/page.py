"""The page of a run, put together from its sections."""

from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

from aecli.pages import blocks, charts
from aecli.pages.document import Document, text
from aecli.pages.run import analyses, examples, overview
from aecli.pages.run.detector import detector_section
from aecli.pages.run.section import Section
from aecli.reports.run.measured import MeasuredRun
from aecli.reports.run.not_measured import NotMeasured
from aecli.storage.atomic import atomic_write

Part = TypeVar("Part")


def save_run_page(run: MeasuredRun, path: Path) -> int:
    """Write the page to a file, or to standard output for `-`; return its number of bytes.

    Raises:
        UnavailableError: the file cannot be written.
    """
    page = run_page(run)
    with atomic_write(path) as file:
        file.write(page)
    return len(page)


def run_page(run: MeasuredRun) -> bytes:
    """Return the page as UTF-8."""
    sections = list(_sections(run))
    styles = [blocks.STYLE, charts.STYLE, *(style for section in sections for style in section.styles)]
    scripts = [script for section in sections for script in section.scripts]
    body = [
        '<main class="document">',
        f"<h1>{text(run.files.name)}</h1>",
        overview.lead(run),
        overview.key_figures(run),
        blocks.contents({section.anchor: section.title for section in sections}),
        *(section.markup for section in sections),
        blocks.paragraph(f"Made by aecli {version('aecli')}.", "muted"),
        "</main>",
    ]
    return Document(f"{run.files.name}: report", styles, scripts).page(body)


def _sections(run: MeasuredRun) -> Iterator[Section]:
    yield overview.model_section(run)
    if training := overview.training_section(run):
        yield training
    if not isinstance(run.images, NotMeasured):
        shown = run.images.description
        if run.reconstructions is not None:
            yield examples.reconstructions_section(run.reconstructions, shown)
        if run.classifications is not None:
            yield examples.classification_section(run.classifications, shown)
        if run.scores is not None:
            yield examples.scores_section(run.scores, shown)
        section = partial(analyses.embedding_section, images=run.images.images)
        yield from _part("codes", "Codes", run.embedding, section)
    yield from _part("labels", "Few labels", run.few_labels, analyses.few_labels_section)
    yield from _part("bytes", "Bytes", run.sizes, analyses.sizes_section)
    if run.detector is not None:
        yield detector_section(run.detector)
    yield overview.recipe_section(run)
    yield overview.commands_section(run)


def _part(
    anchor: str, title: str, part: Part | NotMeasured | None, section: Callable[[Part], Section]
) -> Iterator[Section]:
    """Yield the section of a part, or one that says why it is missing; nothing if it does not apply."""
    if isinstance(part, NotMeasured):
        yield examples.missing(anchor, title, part.reason)
    elif part is not None:
        yield section(part)
