from pathlib import Path

from aecli.storage.paths import short_names


def test_the_last_part_is_enough_where_it_tells_paths_apart() -> None:
    assert short_names([Path("runs/conv"), Path("runs/sparse/.")]) == ["conv", "sparse"]


def test_else_as_many_parts_as_tell_all_apart() -> None:
    assert short_names([Path("a/x/run"), Path("b/x/run"), Path("a/y/run")]) == ["a/x/run", "b/x/run", "a/y/run"]
    assert short_names([Path("/run"), Path("/a/run")]) == ["/run", "a/run"]


def test_a_path_alone_or_twice() -> None:
    assert short_names([Path("a/run")]) == ["run"]
    assert short_names([Path("/a/run")] * 2) == ["/a/run"] * 2
