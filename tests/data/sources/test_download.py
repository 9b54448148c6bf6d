"""torchvision's data sets: downloaded from a local server only on request, completely or not at all."""

import gzip
import hashlib
import pickle
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aecli.data import DataOptions, describe, load
from aecli.errors import ExitStatus, InputError, UnavailableError
from aecli.runtime import optional_packages as packages
from tests.data.idx_writing import write_mnist
from tests.data.image_sets import labels_of

datasets = pytest.importorskip("torchvision.datasets")
DOWNLOAD = DataOptions(download=True)
TRAIN_IMAGES = "train-images-idx3-ubyte.gz"


class Server(ThreadingHTTPServer):
    """Serves `files` by name."""

    files: dict[str, bytes]
    requested: list[str]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2]
        self.server.requested.append(name)
        body = self.server.files.get(name)
        self.send_response(200 if body is not None else 404)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        if body and self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    write_mnist(tmp_path / "mirror")
    http = Server(("127.0.0.1", 0), Handler)
    http.files = {path.name: path.read_bytes() for path in (tmp_path / "mirror").iterdir()}
    http.requested = []
    md5s = [(name, hashlib.md5(data).hexdigest()) for name, data in sorted(http.files.items())]
    monkeypatch.setattr(datasets.MNIST, "mirrors", [f"http://127.0.0.1:{http.server_port}/"])
    monkeypatch.setattr(datasets.MNIST, "resources", md5s)
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield http
    http.shutdown()
    http.server_close()


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file()) if folder.exists() else []


def test_a_downloaded_data_set_is_read_without_the_network(
    server: Server, user_folders: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    steps: list[tuple[str, int, int]] = []
    images = load("mnist:train", DOWNLOAD, progress=lambda stage, done, total: steps.append((stage, done, total)))
    assert images.images.shape == (6, 1, 5, 4)
    assert images.class_names == tuple("0123456789")
    assert labels_of(images) == [0, 1, 2, 0, 1, 2]
    assert steps[0] == ("downloading mnist in splits", 0, 2)
    assert steps[-1] == ("downloading mnist in splits", 2, 2)
    assert capfd.readouterr() == ("", "")
    requests = len(server.requested)
    assert len(load("mnist")) == 10
    assert load("mnist:test", DOWNLOAD).word == "mnist:test"
    assert len(server.requested) == requests
    assert [status.available for status in describe() if status.word == "mnist"] == [True]
    assert len(files(user_folders / "data")) == 4


def test_nothing_is_downloaded_without_the_option(server: Server, user_folders: Path) -> None:
    with pytest.raises(UnavailableError):
        load("mnist")
    assert server.requested == []


@pytest.mark.parametrize("damage", ["wrong md5", "missing", "cut"])
def test_a_failed_download_leaves_no_files(
    server: Server, user_folders: Path, damage: str, capfd: pytest.CaptureFixture[str]
) -> None:
    if damage == "wrong md5":
        server.files[TRAIN_IMAGES] = gzip.compress(b"other content")
    elif damage == "missing":
        del server.files[TRAIN_IMAGES]
    else:
        server.files[TRAIN_IMAGES] = server.files[TRAIN_IMAGES][:50]
    with pytest.raises(UnavailableError, match="mnist") as caught:
        load("mnist", DOWNLOAD)
    assert caught.value.status is ExitStatus.UNAVAILABLE
    assert "\n" not in caught.value.message
    assert files(user_folders / "data") == []
    assert capfd.readouterr() == ("", "")
    with pytest.raises(UnavailableError, match="is not in"):
        load("mnist")


def test_an_unreachable_server_is_an_error(server: Server, user_folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.MNIST, "mirrors", ["http://127.0.0.1:9/"])
    with pytest.raises(UnavailableError, match="refused"):
        load("mnist", DOWNLOAD)


def test_a_folder_with_the_data_sets_name_is_found(tmp_path: Path) -> None:
    write_mnist(tmp_path / "fashion-mnist")
    images = load("fashion-mnist:test", DataOptions(data_root=tmp_path))
    assert images.class_names[0] == "T-shirt/top"
    assert len(images) == 4


def test_emnist_letters_are_read(tmp_path: Path) -> None:
    write_mnist(tmp_path / "EMNIST" / "raw", prefix="emnist-letters-", gzipped=False)
    write_mnist(tmp_path / "EMNIST" / "raw", prefix="emnist-digits-", gzipped=False)
    images = load("emnist-letters", DataOptions(data_root=tmp_path))
    assert images.image_shape == (1, 4, 5)
    assert images.class_names[:2] == ("a", "b")


@pytest.mark.parametrize("word", ["cifar10", "cifar100"])
def test_cifar_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    base = {"cifar10": datasets.CIFAR10, "cifar100": datasets.CIFAR100}[word]
    key = "labels" if word == "cifar10" else "fine_labels"
    folder = tmp_path / base.base_folder
    folder.mkdir()
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (4, 3072), dtype=np.uint8)

    def write(name: str, content: dict[str, Any]) -> list[str]:
        (folder / name).write_bytes(pickle.dumps(content))
        return [name, hashlib.md5((folder / name).read_bytes()).hexdigest()]

    monkeypatch.setattr(base, "train_list", [write("train_part", {"data": pixels, key: [0, 1, 1, 0]})])
    monkeypatch.setattr(base, "test_list", [write("test_part", {"data": pixels[:2], key: [1, 0]})])
    meta = write("names", {base.meta["key"]: ["cat", "dog"]})
    monkeypatch.setattr(base, "meta", {"filename": meta[0], "key": base.meta["key"], "md5": meta[1]})
    images = load(word, DataOptions(data_root=tmp_path))
    assert images.class_names == ("cat", "dog")
    assert labels_of(images) == [0, 1, 1, 0, 1, 0]
    np.testing.assert_array_equal(images.images[0], pixels[0].reshape(3, 32, 32))
    (folder / "train_part").write_bytes(b"cut")
    with pytest.raises(InputError, match=f"damaged.*{word}"):
        load(word, DataOptions(data_root=tmp_path))


def test_svhn_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from scipy.io import savemat

    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3, 4), dtype=np.uint8)
    md5s = {}
    for split in ("train", "test"):
        name = f"{split}_32x32.mat"
        savemat(tmp_path / name, {"X": pixels, "y": np.array([[10], [1], [2], [9]])})
        md5s[split] = ["", name, hashlib.md5((tmp_path / name).read_bytes()).hexdigest()]
    monkeypatch.setattr(datasets.SVHN, "split_list", md5s)
    images = load("svhn:test", DataOptions(data_root=tmp_path))
    assert labels_of(images) == [0, 1, 2, 9]
    assert images.class_names == tuple("0123456789")
    np.testing.assert_array_equal(images.images[1], pixels[..., 1].transpose(2, 0, 1))


def test_stl10_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "stl10_binary"
    folder.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (2, 3, 96, 96), dtype=np.uint8)

    def write(name: str, data: bytes) -> list[str]:
        (folder / name).write_bytes(data)
        return [name, hashlib.md5(data).hexdigest()]

    lists = {}
    for split in ("train", "test"):
        lists[split] = [
            write(f"{split}_X.bin", pixels.transpose(0, 1, 3, 2).tobytes()),
            write(f"{split}_y.bin", bytes([1, 10])),
        ]
    lists["train"].append(write("unlabeled_X.bin", b""))
    write("class_names.txt", "\n".join("abcdefghij").encode())
    monkeypatch.setattr(datasets.STL10, "train_list", lists["train"])
    monkeypatch.setattr(datasets.STL10, "test_list", lists["test"])
    images = load("stl10", DataOptions(data_root=tmp_path))
    assert labels_of(images) == [0, 9, 0, 9]
    assert images.class_names == tuple("abcdefghij")
    np.testing.assert_array_equal(images.images[:2], pixels)


def test_qmnist_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "QMNIST" / "raw"
    folder.mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(0, 256, (3, 28, 28), dtype=np.uint8)
    labels = np.zeros((3, 8), ">i4")
    labels[:, 0] = [7, 1, 9]
    for split in ("train", "test"):
        header = bytes([0, 0, 8, 3]) + np.array(pixels.shape, ">u4").tobytes()
        (folder / f"qmnist-{split}-images-idx3-ubyte").write_bytes(header + pixels.tobytes())
        header = bytes([0, 0, 12, 2]) + np.array(labels.shape, ">u4").tobytes()
        (folder / f"qmnist-{split}-labels-idx2-int").write_bytes(header + labels.tobytes())
    images = load("qmnist", DataOptions(data_root=tmp_path))
    assert labels_of(images) == [7, 1, 9, 7, 1, 9]
    np.testing.assert_array_equal(images.images[3:, 0], pixels)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (RuntimeError("operator torchvision::nms does not exist"), "operator torchvision::nms does not exist"),
        (OSError("undefined symbol: x\nmore"), "undefined symbol: x"),
    ],
)
def test_incompatible_builds_of_torchvision_are_an_error(
    monkeypatch: pytest.MonkeyPatch, error: Exception, message: str
) -> None:
    def broken(name: str) -> Any:
        raise error

    monkeypatch.setattr("aecli.runtime.compiler_import.import_module", broken)
    with pytest.raises(UnavailableError, match=message) as caught:
        packages.torchvision_datasets()
    assert "torch torchvision" in str(caught.value.hint)
    assert "\n" not in caught.value.message


@pytest.mark.network
@pytest.mark.slow
def test_the_public_mirror_serves_mnist(tmp_path: Path) -> None:
    images = load("mnist:test", DataOptions(download=True, data_root=tmp_path))
    assert images.images.shape == (10_000, 1, 28, 28)
