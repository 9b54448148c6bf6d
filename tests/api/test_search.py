"""`aecli.search` and `aecli.find_duplicates`: what the command line says, as arrays."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import aecli
from aecli.codes import load_codes
from aecli.errors import UsageError
from tests.command_line import succeed


def test_search_finds_what_the_command_line_finds(
    conv_run: Path, codes_file: Path, digits: NDArray[np.uint8], image_folder: Path
) -> None:
    image = next(path for path in sorted(image_folder.rglob("*.png")))
    found = aecli.search(image, codes_file, conv_run, neighbors=3, device="cpu")
    names = [found.codes.names[index] for index in found.neighbors.indices[0]]
    command, *_ = succeed("search", image, "--in", codes_file, "--model", conv_run, "-k", 3, "--json").documents
    assert names == [neighbor["name"] for neighbor in command["neighbors"]]
    assert found.neighbors.distances.shape == (1, 3)
    assert np.all(np.diff(found.neighbors.distances) >= 0)

    again = aecli.search(digits[:4], codes_file, conv_run, neighbors=3, device="cpu")
    assert again.neighbors.indices.shape == (4, 3)


def test_search_takes_codes_as_queries_and_needs_a_model_for_images(
    codes_file: Path, digits: NDArray[np.uint8]
) -> None:
    codes = load_codes(codes_file)
    found = aecli.search(codes_file, codes, neighbors=2)
    assert not np.any(found.neighbors.indices == np.arange(len(codes))[:, None])  # none is its own neighbor
    cosine = aecli.search(codes_file, codes, neighbors=2, metric="cosine")
    assert not np.array_equal(found.neighbors.distances, cosine.neighbors.distances)
    for queries in (digits[:1], "digits:test"):
        with pytest.raises(UsageError, match="no model") as error:
            aecli.search(queries, codes)
        assert "the model that made the codes" in str(error.value.__notes__)
    with pytest.raises(UsageError, match="neighbors"):
        aecli.search(codes_file, codes, neighbors=0)


def test_an_unreadable_query_is_left_out_with_a_warning(conv_run: Path, codes_file: Path, image_folder: Path) -> None:
    (image_folder / "a" / "broken.png").write_bytes(b"\x89PNG")
    with pytest.warns(UserWarning, match="broken.png"):
        found = aecli.search(str(image_folder), codes_file, conv_run, neighbors=1, device="cpu")
    assert len(found.query_names) == len(list(image_folder.rglob("*.png"))) - 1


def test_duplicates_are_those_of_the_command_line(codes_file: Path) -> None:
    result = aecli.find_duplicates(codes_file, threshold=0.3)
    command = succeed("duplicates", codes_file, "--threshold", 0.3, "--json").document
    assert [[result.name_of(each) for each in group.members] for group in result.groups] == [
        [member["name"] for member in group["members"]] for group in command["groups"]
    ]
    assert result.threshold.value == 0.3


def test_sets_that_share_every_image_are_reported(codes_file: Path) -> None:
    codes = load_codes(codes_file)
    result = aecli.find_duplicates(codes, codes_file, threshold=0)
    assert len(result.groups) == len(codes)
    assert {group.kind for group in result.groups} == {"exact"}
    with pytest.raises(UsageError, match="threshold"):
        aecli.find_duplicates(codes, threshold=-1)
