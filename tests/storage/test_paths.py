"""Paths are shortened for display as far as they stay distinct."""

from pathlib import Path

from aecli.storage.paths import short_names


def test_the_last_part_is_enough_if_it_is_distinct() -> None:
    assert short_names([Path("runs/conv"), Path("runs/sparse/.")]) == ["conv", "sparse"]


def test_all_paths_get_as_many_parts_as_distinguish_them() -> None:
    assert short_names([Path("a/x/run"), Path("b/x/run"), Path("a/y/run")]) == ["a/x/run", "b/x/run", "a/y/run"]
    assert short_names([Path("/run"), Path("/a/run")]) == ["/run", "a/run"]


def test_a_single_path_and_equal_paths() -> None:
    assert short_names([Path("a/run")]) == ["run"]
    assert short_names([Path("/a/run")] * 2) == ["/a/run"] * 2
