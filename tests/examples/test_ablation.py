import re
from collections.abc import Callable


def test_the_ablation_makes_its_table_once(make_example: Callable, tmp_path):
    words = ("DATA=digits", "EPOCHS=1", "LABELS=50", "ROWS=conv warps+noise", f"OUT={tmp_path}", "-j2")
    make_example("ablation", *words)
    table = (tmp_path / "ablation.md").read_text("utf-8")
    assert "1-NN accuracy with 50 labelled images of digits:train" in table
    rows = re.findall(r"^\| ([^|]+) \| (\d+) \| 0\.(\d{3}) \| 0\.\d{3} to 0\.\d{3} \|$", table, re.MULTILINE)
    assert [name for name, _, _ in rows] == ["no training: raw pixels", "conv", "warps + noise"]
    assert len({accuracy for *_, accuracy in rows}) == 3
    assert "Nothing to be done" in make_example("ablation", *words)


def test_every_row_is_another_training(make_example: Callable, tmp_path):
    commands = re.findall(
        r"^\S+ -m aecli train .*$", make_example("ablation", "--dry-run", f"OUT={tmp_path}"), re.MULTILINE
    )
    assert len(commands) == 9
    settings = [command.partition("-o")[0] for command in commands]
    assert len(set(settings)) == 9
    assert sum("--set" not in words for words in settings) == 2
