"""examples/lab: the report on a small data set."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.examples.conftest import MakeExample

pytestmark = pytest.mark.long

LAB = Path(__file__).parents[2] / "examples" / "lab"
SECTIONS = ["Summary", "1. Lightning", "2. Autoencoders", "3. Codes", "4. Detection", "5. Exercises", "6. Questions"]
NUMBER = re.compile(r"\d+\.\d|\d%|\d,\d{3}")
Made = tuple[Path, str]


class Page(HTMLParser):
    """The anchors, links, image sources and tags of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.sources: list[str] = []
        self.tags: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name == "id":
                self.anchors.add(value or "")
            elif name == "href":
                self.links.append(value or "")
            elif name == "src":
                self.sources.append(value or "")


@pytest.fixture(scope="module")
def made(make_example: MakeExample, few_letters: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Run the Makefile twice on small data; return its folder and the output of the second run."""
    out = tmp_path_factory.mktemp("lab")
    words = ("-j2", f"OUT={out}", "QUICK=1", "OMP_NUM_THREADS=1", "DATA=digits", f"OTHER={few_letters}")
    make_example("lab", *words)
    return out, make_example("lab", *words)


@pytest.fixture(scope="module")
def report(made: Made) -> str:
    return (made[0] / "report.md").read_text("utf-8")


@pytest.fixture(scope="module")
def page(made: Made) -> str:
    return (made[0] / "report.html").read_text("utf-8")


def parts(text: str, marks: str) -> dict[str, str]:
    """Return the text below each heading of that level, by heading."""
    _, *pieces = re.split(rf"^{marks} (.*)\n", text, flags=re.MULTILINE)
    return dict(zip(pieces[::2], pieces[1::2], strict=True))


def test_files_are_made_once(made: Made) -> None:
    assert "Nothing to be done" in made[1]


def test_every_section_has_numbers(report: str) -> None:
    sections = parts(report, "##")
    assert list(sections) == SECTIONS
    assert all(NUMBER.search(text) for text in sections.values())


def test_every_answer_has_numbers(report: str) -> None:
    answers = parts(parts(report, "##")["6. Questions"], "###")
    assert [int(title.split(".")[0]) for title in answers] == list(range(1, 15))
    for title, answer in answers.items():
        assert NUMBER.search(answer), title
        assert len(re.findall(r"\.(?=\s)", answer)) >= 2, title


def test_the_results_of_the_laboratory_are_beside_ours(report: str) -> None:
    rows = [line.strip("| ").split(" | ") for line in report.splitlines() if line.startswith("| ")]
    beside = {cell: row for row in rows for cell in row}
    laboratory = ["0.72", "0.84", "0.9319", "468 K", "3.2 K", "0.7431", "0.7003", "17.47", "5.75", "12.945", "5.916"]
    for value in [*laboratory, "5,120,000, 34.69% saved"]:
        _, *ours = beside[value][beside[value].index(value) :]
        assert any(re.fullmatch(r"-?[\d.,]+", cell) for cell in ours), value


def test_the_report_includes_the_results_of_the_inspection(made: Made, report: str, tmp_path: Path) -> None:
    assert "After `make -C examples/inspection`" in parts(report, "###")["5.5 Photographs that are not food"]
    scores = ["score auroc auroc_low auroc_high", "mse 0.9985 0.9971 0.9993"]
    verdicts = ["path score threshold verdict", "a.jpg 1.0 2.0 normal", "b.jpg 3.0 2.0 anomaly"]
    for name, lines in (("calibration.tsv", scores), ("verdicts.tsv", verdicts)):
        (tmp_path / name).write_text("\n".join(lines).replace(" ", "\t") + "\n")
    command = [sys.executable, str(LAB / "report.py"), str(made[0]), "lab", str(tmp_path)]
    again = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    section = parts(again, "###")["5.5 Photographs that are not food"]
    assert "1 of 2 incoming photographs" in section
    assert "0.9985 (0.9971 to 0.9993)" in section


def test_the_report_has_no_missing_values(report: str) -> None:
    assert not re.search(r"\b(nan|inf|None|TODO|null)\b|[{}]", report)


def test_the_page_is_self_contained(made: Made, report: str, page: str) -> None:
    parsed = Page(page)
    images = re.findall(r"!\[[^]]*\]\(([^)]*)\)", report)
    assert len(parsed.sources) == len(images) >= 15
    assert all(source.startswith("data:image/png;base64,") for source in parsed.sources)
    assert all((made[0] / image).is_file() for image in images)
    assert not parsed.tags & {"script", "link", "iframe", "object"}
    assert {link.removeprefix("#") for link in parsed.links} <= parsed.anchors
    assert not re.search(r"url\(|@import", page)
    assert str(made[0]) not in page


def test_the_table_of_contents_is_complete(report: str, page: str) -> None:
    headings = [*parts(report, "##"), *parts(report, "###")]
    contents = page[page.index("<nav") : page.index("</nav>")]
    assert contents.count("<a href=") == len(headings)
