"""`aecli detect --only, --sort and --top`: which images have a line and a heatmap, and in which order."""

from pathlib import Path

import pytest

from aecli.errors import ExitStatus
from tests.command_line import Result, Run

Rows = list[list[str]]


@pytest.fixture
def threshold(detect: Run) -> str:
    """Return the threshold that half of the test digits exceed."""
    scores = sorted(float(row[1]) for row in detect("digits:test@1,2").rows)
    return str(scores[len(scores) // 2])


def paths(result: Result) -> list[str]:
    assert result.status == 0, result.err
    return [row[0] for row in result.rows]


def by_score(rows: Rows) -> list[str]:
    return [row[0] for row in sorted(rows, key=lambda row: -float(row[1]))]


def test_only_shows_one_verdict_but_counts_all(detect: Run, threshold: str) -> None:
    everything = detect("digits:test@1,2", "--threshold", threshold)
    summary = everything.err.splitlines()[-1].rpartition(", ")[0]
    shown: list[str] = []
    for only, verdict in (("anomalies", "anomaly"), ("normal", "normal")):
        result = detect("digits:test@1,2", "--threshold", threshold, "--only", only)
        assert paths(result) == [row[0] for row in everything.rows if row[3] == verdict]
        assert summary in result.err
        shown += paths(result)
    assert sorted(shown) == sorted(paths(everything))


def test_only_does_not_change_the_exit_status(detect: Run) -> None:
    words = ("digits:test@1", "--threshold", "0", "--only", "normal")
    assert detect(*words).rows == []
    assert detect(*words).status == 0
    assert detect(*words, "--fail-on-anomaly").status == ExitStatus.ANOMALY


def test_sort_shows_the_highest_score_first(detect: Run) -> None:
    everything = detect("digits:test@1,2").rows
    rows = detect("digits:test@1,2", "--sort", "score").rows
    assert [row[0] for row in rows] == by_score(everything)
    assert sorted(rows) == sorted(everything)


def test_top_keeps_the_order_unless_sorted(detect: Run) -> None:
    everything = detect("digits:test@1,2").rows
    highest = by_score(everything)[:5]
    assert paths(detect("digits:test@1,2", "--top", "5", "--sort", "score")) == highest
    in_order = paths(detect("digits:test@1,2", "--top", "5"))
    assert in_order == [row[0] for row in everything if row[0] in highest]
    assert paths(detect("digits:test@1", "--top", "1000")) == paths(detect("digits:test@1"))


def test_top_and_only_together(detect: Run, threshold: str) -> None:
    words = ("digits:test@1,2", "--threshold", threshold)
    normal = [row for row in detect(*words).rows if row[3] == "normal"]
    shown = paths(detect(*words, "--only", "normal", "--top", "3", "--sort", "score"))
    assert shown == by_score(normal)[:3]


def test_images_that_cannot_be_read_are_named_and_counted(detect: Run, image_folder: Path) -> None:
    damaged = image_folder / "a" / "damaged.png"
    damaged.write_bytes(b"damaged")
    for words in (("--only", "anomalies"), ("--top", "2"), ("--sort", "score")):
        result = detect(image_folder, "--threshold", "1000", "--json", *words)
        assert result.status == ExitStatus.PARTIAL
        assert str(damaged) in result.err
        *documents, last = result.documents
        assert [document["path"] for document in documents if "error" in document] == [str(damaged)]
        assert (last["summary"]["images"], last["summary"]["failed"]) == (6, 1)


@pytest.mark.parametrize("words", [("--top", "2"), ("--top", "2", "--sort", "score"), ("--only", "anomalies")])
def test_heatmaps_are_written_for_the_shown_images_only(
    words: tuple[str, ...], detect: Run, image_folder: Path, tmp_path: Path
) -> None:
    scores = sorted(float(row[1]) for row in detect(image_folder).rows)
    threshold = (scores[3] + scores[4]) / 2
    words = (*words, "--threshold", str(threshold), "--heatmaps", str(tmp_path / "maps"), "--json")
    *documents, _ = detect(image_folder, *words).documents
    assert len(documents) == 2
    assert {document["path"] for document in documents} == {
        row[0] for row in detect(image_folder).rows if float(row[1]) > threshold
    }
    assert {Path(document["heatmap"]) for document in documents} == {*(tmp_path / "maps").iterdir()}


def test_a_sorted_list_has_all_heatmaps(detect: Run, image_folder: Path, tmp_path: Path) -> None:
    detect(image_folder, "--sort", "score", "--heatmaps", tmp_path / "maps")
    assert len([*(tmp_path / "maps").iterdir()]) == 6
