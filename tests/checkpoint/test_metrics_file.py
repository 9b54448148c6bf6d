"""The metrics of a run, also as a spreadsheet program saves them."""

from pathlib import Path

import pytest

from aecli.checkpoint.run_folder import RunFolder
from aecli.errors import InputError

METRICS = "epoch,step,train_loss,val_loss,lr\n1,10,0.5,0.25,0.1\n2,20,0.25,0.125,0.05\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_metrics_are_read_in_any_encoding(tmp_path: Path, encoding: str, line_end: str) -> None:
    (tmp_path / "metrics.csv").write_bytes(METRICS.replace("\n", line_end).encode(encoding))
    metrics = RunFolder(tmp_path).load_metrics()
    assert [(row.epoch, row.train_loss, row.val_loss) for row in metrics] == [(1, 0.5, 0.25), (2, 0.25, 0.125)]


@pytest.mark.parametrize("content", [b"", b"epoch\n\xff\n", b"epoch\n", b"epoch\nx\n", METRICS.encode() + b'"'])
def test_damaged_metrics_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "metrics.csv").write_bytes(content)
    with pytest.raises(InputError, match="metrics"):
        RunFolder(tmp_path).load_metrics()
