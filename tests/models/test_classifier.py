"""Classifiers with the encoder of every architecture, compared with plain networks and with autoencoders."""

import pytest
import torch
from torch import nn

from aecli.errors import RecipeError
from aecli.models.architectures import build_parts
from aecli.models.autoencoder import Autoencoder
from aecli.models.classifier import Classifier
from aecli.recipes.loading import load_recipe
from tests.models.image_architectures import IMAGE_ARCHITECTURES


def build(name: str, shape: tuple[int, int, int] = (1, 28, 28), classes: int = 10, **arguments: object) -> Classifier:
    torch.manual_seed(0)
    return Classifier(name, shape, arguments, [0.1307] * shape[0], [0.3081] * shape[0], classes)


def build_from_recipe(recipe: str) -> Classifier:
    model = load_recipe(recipe).model
    return build(model.architecture, **model.arguments)


def test_the_recipes_have_the_documented_size() -> None:
    assert build_from_recipe("mlp-classifier").parameter_count() == 407_050
    assert build_from_recipe("conv-classifier").parameter_count() == 3_582


def test_mlp_classifier_has_the_published_settings() -> None:
    recipe = load_recipe("mlp-classifier")
    assert (recipe.model.mean, recipe.model.std) == ([0.1307], [0.3081])
    assert (recipe.optimizer.name, recipe.optimizer.lr, recipe.optimizer.momentum) == ("sgd", 0.001, 0.0)
    assert recipe.training.batch_size == 256
    assert load_recipe("conv-classifier").model == load_recipe("conv").model


def test_values_and_gradients_are_those_of_the_plain_network() -> None:
    model = build_from_recipe("mlp-classifier")
    plain = nn.Sequential(nn.Flatten(), nn.Linear(784, 512), nn.Tanh(), nn.Linear(512, 10))
    for parameter, plain_parameter in zip(model.parameters(), plain.parameters(), strict=True):
        plain_parameter.data.copy_(parameter.data)
    x, labels = torch.randn(6, 1, 28, 28), torch.arange(6)
    outputs = model(x)[1], plain(x)
    torch.testing.assert_close(*outputs)
    for output in outputs:
        nn.functional.cross_entropy(output, labels).backward()  # type: ignore[no-untyped-call]
    for parameter, plain_parameter in zip(model.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(parameter.grad, plain_parameter.grad)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 33, 21)], ids=str)
@pytest.mark.parametrize("name", IMAGE_ARCHITECTURES)
def test_every_architecture_classifies(name: str, shape: tuple[int, int, int]) -> None:
    model = build(name, shape, classes=3)
    codes, logits = model(torch.randn(2, *shape))
    assert codes.shape == (2, *model.code_shape)
    assert logits.shape == (2, 3)
    assert logits.isfinite().all()
    nn.functional.cross_entropy(logits, torch.tensor([0, 2])).backward()  # type: ignore[no-untyped-call]
    assert all(parameter.grad is not None for parameter in model.parameters())
    assert not any(name.startswith("decoder") for name in model.state_dict())


@pytest.mark.parametrize("name", IMAGE_ARCHITECTURES)
def test_a_classifier_has_the_initial_encoder_of_the_autoencoder_with_the_same_seed(name: str) -> None:
    classifier = build(name, (1, 8, 8))
    torch.manual_seed(0)
    autoencoder = Autoencoder(name, (1, 8, 8), {}, [0.1307], [0.3081])
    for key, value in autoencoder.encoder.state_dict().items():
        assert value.equal(classifier.encoder.state_dict()[key]), key
    images = torch.randint(0, 256, (2, 1, 8, 8), dtype=torch.uint8)
    assert classifier.normalize(images).equal(autoencoder.normalize(images))
    assert classifier.code_shape == autoencoder.code_shape


def test_the_activation_of_mlp_is_an_argument() -> None:
    relu, tanh = (build("mlp", hidden=[16], code=4, activation=name).encoder for name in ("relu", "tanh"))
    assert [type(layer) for layer in relu.children()] == [nn.Flatten, nn.Linear, nn.ReLU, nn.Linear, nn.ReLU]
    assert [type(layer) for layer in tanh.children()] == [nn.Flatten, nn.Linear, nn.Tanh, nn.Linear, nn.Tanh]
    with pytest.raises(RecipeError, match="'tanh'"):
        build_parts("mlp", (1, 8, 8), {"activation": "tan"})
    with pytest.raises(RecipeError, match="cannot be built"):
        build_parts("mlp", (1, 8, 8), {"activation": ["tanh"]})
