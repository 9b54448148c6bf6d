"""Initial weights with torchvision's parameter names from a `.safetensors` file."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from aecli.checkpoint import load_checkpoint
from aecli.errors import ExitStatus
from aecli.training.pretrained import Pretrained, load_start, start_from
from tests.command_line import Run

pytestmark = pytest.mark.slow

RESNET = ("--recipe", "resnet", "--set", "model.image_size=32", "--epochs", "1", "--device", "cpu")
STILL = ("--lr", "1e-12", "--set", "optimizer.name=sgd", "--set", "optimizer.weight_decay=0")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights of torchvision's ResNet-18 with its head."""
    from torchvision.models import resnet18

    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("weights") / "resnet18.safetensors"
    save_file(resnet18(weights=None).state_dict(), path)
    return path


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """A folder of 12 small color images of two classes."""
    import numpy as np
    from PIL import Image

    random = np.random.default_rng(0)
    for index in range(12):
        file = tmp_path / "photographs" / "ab"[index % 2] / f"{index}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 255, (32, 32, 3), np.uint8)).save(file)
    return tmp_path / "photographs"


def test_a_resnet_starts_from_torchvisions_weights(
    aecli: Run, weights: Path, photographs: Path, tmp_path: Path
) -> None:
    result = aecli("train", photographs, "-o", tmp_path / "run", *RESNET, *STILL, "--init-from", weights)
    assert result.status == 0, result.err
    model = load_checkpoint(tmp_path / "run").model
    pretrained = load_start(weights)
    assert isinstance(pretrained, Pretrained)
    for name in ("conv1.weight", "layer1.0.conv1.weight", "layer4.1.bn2.weight"):
        torch.testing.assert_close(model.encoder.state_dict()[name], pretrained.weights[name])
    assert not any(name.startswith("fc") for name in model.encoder.state_dict())


def test_a_classifier_starts_from_torchvisions_weights(
    aecli: Run, weights: Path, photographs: Path, tmp_path: Path
) -> None:
    words = ("--set", "objective.loss=cross-entropy", "--init-from", weights, "--freeze-encoder")
    result = aecli("train", photographs, "-o", tmp_path / "run", *RESNET, *words)
    assert result.status == 0, result.err
    weight = load_checkpoint(tmp_path / "run").classifier.encoder.state_dict()["conv1.weight"]
    pretrained = load_start(weights)
    assert isinstance(pretrained, Pretrained)
    torch.testing.assert_close(weight, pretrained.weights["conv1.weight"])


def test_the_decoder_keeps_its_random_weights(weights: Path) -> None:
    from aecli.models.autoencoder import Autoencoder

    torch.manual_seed(0)
    model = Autoencoder("resnet", (3, 32, 32), {}, [0.5] * 3, [0.25] * 3)
    before = {name: value.clone() for name, value in model.decoder.state_dict().items()}
    start_from(model, load_start(weights), ())
    assert all(torch.equal(value, before[name]) for name, value in model.decoder.state_dict().items())


def test_weights_need_no_counts_of_batches(weights: Path) -> None:
    from aecli.models.autoencoder import Autoencoder

    pretrained = load_start(weights)
    assert isinstance(pretrained, Pretrained)
    older = {name: value for name, value in pretrained.weights.items() if not name.endswith("num_batches_tracked")}
    assert len(older) == 102
    model = Autoencoder("resnet", (3, 32, 32), {}, [0.5] * 3, [0.25] * 3)
    start_from(model, Pretrained(older, weights), ())
    assert model.encoder.state_dict()["layer4.1.bn2.weight"].equal(older["layer4.1.bn2.weight"])


@pytest.mark.parametrize(
    ("name", "content", "words", "message"),
    [
        ("weights.pth", b"x", (), "weights.pth"),
        ("weights.safetensors", b"x", (), "weights.safetensors"),
        (None, None, ("--set", "model.channels=1"), "conv1.weight"),
        (None, None, ("--set", "model.arguments.depth=34"), "layer1.2"),
        (None, None, ("--recipe", "mlp"), "1.weight"),
    ],
)
def test_weights_that_do_not_fit_are_refused(
    aecli: Run,
    photographs: Path,
    weights: Path,
    tmp_path: Path,
    name: str | None,
    content: bytes | None,
    words: tuple[str, ...],
    message: str,
) -> None:
    start = tmp_path / name if name else weights
    if content:
        start.write_bytes(content)
    result = aecli("train", photographs, "-o", tmp_path / "run", *RESNET, *words, "--init-from", start)
    assert result.status == ExitStatus.INPUT, result.err
    assert message in result.err
    assert "bug" not in result.err
