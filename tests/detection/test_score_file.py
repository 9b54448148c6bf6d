"""The output of `aecli detect`, read again."""

import json
from pathlib import Path

import pytest

from aecli.detection.score_file import ScoredImage, read_scores
from aecli.errors import InputError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "verdicts"


def test_lines_of_a_pipe_are_read(path: Path) -> None:
    path.write_text("photos/a.png\t5.25\t4.5\tanomaly\nb c.png\t4.5\t4.5\tnormal\t0.25\n")
    lines = read_scores(path).lines
    assert lines == {"photos/a.png": ScoredImage(5.25, 4.5), "b c.png": ScoredImage(4.5, 4.5)}
    assert [line.is_anomaly for line in lines.values()] == [True, False]


def test_commas_are_read_too(path: Path) -> None:
    path.write_text('path,score,threshold,verdict\n"a, b.png",5.25,4.5,anomaly\n')
    assert read_scores(path).lines == {"a, b.png": ScoredImage(5.25, 4.5)}


def test_json_lines_are_read_and_failures_and_the_summary_are_skipped(path: Path) -> None:
    documents = [
        {"path": "a.png", "score": 5.25, "threshold": 4.5, "verdict": "anomaly"},
        {"path": "damaged.png", "error": "cut off"},
        {"summary": {"images": 1}},
    ]
    path.write_text("".join(json.dumps(document) + "\n" for document in documents))
    assert read_scores(path).lines == {"a.png": ScoredImage(5.25, 4.5)}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "\n",
        "path\tscore\tthreshold\tverdict\n",
        "a.png\n",
        "a.png,1\n",
        "a.png\tnan\t1\n",
        "a.png\tx\t1\n",
        "{\n",
        '{"score": 1}\n',
        "a\0b",
    ],
)
def test_other_files_are_errors_that_say_how_to_make_one(path: Path, content: str) -> None:
    path.write_text(content)
    with pytest.raises(InputError) as caught:
        read_scores(path)
    assert str(path) in caught.value.message


def test_the_folder_or_data_set_before_a_name_is_left_out(path: Path) -> None:
    path.write_text("photos/a/1.png\t1\t9\nletters:test/7\t2\t9\n1.png\t3\t9\nother/9.png\t4\t9\n")
    found = read_scores(path).by_name({"a/1.png", "test/7", "1.png"})
    assert {name: line.score for name, line in found.items()} == {"a/1.png": 1, "test/7": 2, "1.png": 3}
