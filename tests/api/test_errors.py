"""Errors and hints name keyword arguments instead of options of the command line."""

import pytest

from aecli.api.errors import in_python, python_errors
from aecli.errors import UsageError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("--batch-size 8", "batch_size=8"),
        ("resize all to one size with --image-size 64", "resize all to one size with image_size=64"),
        ("--resume continues it, --overwrite replaces it", "resume=True continues it, overwrite=True replaces it"),
        ("train with --set model.white=4095", 'train with settings={"model.white": 4095}'),
        (
            "keep --set 'penalty.rate_weights=[0.1, 1.0]' --set model.arguments.code=8, or",
            'keep settings={"penalty.rate_weights": [0.1, 1.0], "model.arguments.code": 8}, or',
        ),
        ("--set model.mean=measured", 'settings={"model.mean": "measured"}'),
        (
            "try --batch-size 8 --set optimizer.name=adamw --set optimizer.momentum=0.9 --lr 0.002",
            'try batch_size=8, settings={"optimizer.name": "adamw", "optimizer.momentum": 0.9}, lr=0.002',
        ),
        ("name more with --val DATA, or add", "name more with validation=DATA, or add"),
        ("create one: aecli calibrate --model run", "create one: aecli calibrate --model run"),
        ("images of --val", "images of validation"),
        ("aecli train --help", "aecli train --help"),
        ("3 - 2 = 1", "3 - 2 = 1"),
    ],
)
def test_options_become_arguments(text: str, expected: str) -> None:
    assert in_python(text) == expected
    assert in_python(expected) == expected


def test_a_hint_is_shown_once_by_functions_that_call_each_other() -> None:
    with pytest.raises(UsageError, match="resume=True") as error, python_errors(), python_errors():
        raise UsageError("--resume needs a folder", hint="add --output run")
    assert error.value.__notes__ == ["hint: add output run"]
