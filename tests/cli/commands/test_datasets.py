"""`aecli datasets`: the table of data sets, and that each available one can be trained on."""

from pathlib import Path

import pytest

from tests.command_line import succeed


def test_the_table_is_tab_separated_in_a_pipe() -> None:
    availability = {record["word"]: record["available"] for record in succeed("datasets").records}
    assert availability["digits"] == "true"
    assert availability["cifar10"] == "false"


def test_json_has_one_entry_for_each_word() -> None:
    entries = {entry["word"]: entry for entry in succeed("datasets", "--json").document["datasets"]}
    assert entries["digits"]["available"] is True
    assert entries["mnist"]["available"] is False
    assert entries["mnist"]["needs"]


@pytest.mark.slow
def test_every_available_data_set_can_be_trained_on(tmp_path: Path) -> None:
    entries = succeed("datasets", "--json").document["datasets"]
    words = [entry["word"] for entry in entries if entry["available"] and " " not in entry["word"]]
    assert "digits" in words
    options = ("--set", "model.image_size=8", "--epochs", 1, "-q", "--recipe", "mlp", "--device", "cpu")
    for word in words:
        succeed("train", word, "-o", tmp_path / word, *options)
