import re
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

LAB = Path(__file__).parents[2] / "examples" / "lab"
SECTIONS = ["In short", "1. Lightning", "2. Autoencoders", "3. Codes", "4. Detection", "5. Exercises", "6. Questions"]
FIGURE = re.compile(r"\d+\.\d|\d %|\d,\d{3}")


class Page(HTMLParser):
    """Everything that a page refers to, and how many pictures it shows."""

    def __init__(self, text: str):
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.sources: list[str] = []
        self.tags: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        found = dict(attrs)
        self.anchors |= {found["id"]} if "id" in found else set()
        self.links += [found["href"]] if "href" in found else []
        self.sources += [found["src"]] if "src" in found else []


@pytest.fixture(scope="module")
def made(make_example: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory):
    """The folder that the laboratory was made in, on small data, and what making it again says."""
    out = tmp_path_factory.mktemp("lab")
    words = ("-j2", f"OUT={out}", "QUICK=1", "OMP_NUM_THREADS=1", "DATA=digits", "OTHER=letters")
    make_example("lab", *words)
    return out, make_example("lab", *words)


@pytest.fixture(scope="module")
def report(made):
    return (made[0] / "report.md").read_text("utf-8")


@pytest.fixture(scope="module")
def page(made):
    return (made[0] / "report.html").read_text("utf-8")


def parts(text: str, marks: str) -> dict[str, str]:
    """What stands under each heading of that rank."""
    _, *found = re.split(rf"^{marks} (.*)\n", text, flags=re.MULTILINE)
    return dict(zip(found[::2], found[1::2], strict=True))


def test_what_is_made_is_not_made_again(made) -> None:
    assert "Nothing to be done" in made[1]


def test_every_section_has_figures(report) -> None:
    sections = parts(report, "##")
    assert list(sections) == SECTIONS
    assert all(FIGURE.search(text) for text in sections.values())


def test_every_question_is_answered_with_figures(report) -> None:
    answers = parts(parts(report, "##")["6. Questions"], "###")
    assert [int(title.split(".")[0]) for title in answers] == list(range(1, 15))
    for title, answer in answers.items():
        assert FIGURE.search(answer), title
        assert len(re.findall(r"\.(?=\s)", answer)) >= 2, title


def test_the_laboratorys_figures_stand_beside_ours(report) -> None:
    rows = [line.strip("| ").split(" | ") for line in report.splitlines() if line.startswith("| ")]
    beside = {cell: row for row in rows for cell in row}
    laboratory = ["0.72", "0.84", "0.9319", "468 K", "3.2 K", "0.7431", "0.7003", "17.47", "5.75", "12.945", "5.916"]
    for figure in [*laboratory, "5,120,000, 34.69 % saved"]:
        _, *ours = beside[figure][beside[figure].index(figure) :]
        assert any(re.fullmatch(r"-?[\d.,]+", cell) for cell in ours), figure


def test_photographs_that_were_inspected_have_their_figures_in_the_report(made, report, tmp_path: Path) -> None:
    assert "After `make -C examples/inspection`" in parts(report, "###")["5.5 Photographs that are not food"]
    (tmp_path / "calibration.tsv").write_text("score\tthreshold\tAUROC\nmse\t2826.68\t0.9985\n")
    (tmp_path / "verdicts.tsv").write_text("a.jpg\t1.0\t2.0\tnormal\t\nb.jpg\t3.0\t2.0\tanomaly\t\n")
    command = [sys.executable, str(LAB / "report.py"), str(made[0]), "lab", str(tmp_path)]
    again = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = parts(again, "###")["5.5 Photographs that are not food"]
    assert "1 of 2 incoming photographs" in found
    assert "| mse | 2826.68 | 0.9985 |" in found


def test_nothing_is_left_open(report) -> None:
    assert not re.search(r"\b(nan|inf|None|TODO|null)\b|[{}]", report)


def test_the_page_needs_nothing_else(made, report, page) -> None:
    found = Page(page)
    pictures = re.findall(r"!\[[^]]*\]\(([^)]*)\)", report)
    assert len(found.sources) == len(pictures) >= 15
    assert all(source.startswith("data:image/png;base64,") for source in found.sources)
    assert all((made[0] / picture).is_file() for picture in pictures)
    assert not found.tags & {"script", "link", "iframe", "object"}
    assert {link.removeprefix("#") for link in found.links} <= found.anchors
    assert not re.search(r"url\(|@import", page)
    assert str(made[0]) not in page


def test_the_contents_lead_to_all_sections_and_questions(report, page) -> None:
    headings = [*parts(report, "##"), *parts(report, "###")]
    contents = page[page.index("<nav>") : page.index("</nav>")]
    assert contents.count("<a href=") == len(headings)
