"""The rate of codes: bits are those of the distribution, steps learn from both terms, rounding passes gradients."""

import math

import torch

from aecli.models.architectures.codec import BLOCK, Decoder, codec
from aecli.models.rate import RateModel, quantize, with_noise


def test_bits_are_the_negative_logarithm_of_the_probability_of_a_step() -> None:
    rate = RateModel([0.1], (2, 1, 1))
    codes = torch.tensor([0.3, -1.2]).view(1, 2, 1, 1)
    steps = torch.full((1, 2, 1, 1), 0.5)
    expected = []
    for channel, value in enumerate((0.3, -1.2)):
        probability = 0.0
        for scale in rate.log_scale[channel].flatten().exp().tolist():
            cumulative = [1 / (1 + math.exp(-(value + shift) / scale)) for shift in (0.25, -0.25)]
            probability += (cumulative[0] - cumulative[1]) / 3
        expected.append(-math.log2(probability))
    torch.testing.assert_close(rate.bits(codes, steps).flatten(), torch.tensor(expected), rtol=1e-4, atol=1e-4)


def test_the_probabilities_of_all_multiples_of_a_step_sum_to_one() -> None:
    rate = RateModel([0.1], (1, 1, 1))
    steps = torch.full((4001, 1, 1, 1), 0.05)
    codes = torch.arange(-2000, 2001).float().view(-1, 1, 1, 1) * 0.05
    assert abs(float((2 ** -rate.bits(codes, steps)).detach().sum()) - 1) < 1e-3


def test_the_start_has_the_scale_of_the_codes() -> None:
    rate = RateModel([0.1, 1.0], (2, 3, 3))
    codes = torch.randn(200, 2, 3, 3) * torch.tensor([1.0, 10.0]).view(1, 2, 1, 1) + 4
    rate.fit_start(codes)
    torch.testing.assert_close(rate.location[..., 0].flatten(), torch.tensor([4.0, 4.0]), rtol=0.2, atol=0)
    ratio = rate.log_scale.exp()[1] / rate.log_scale.exp()[0]
    torch.testing.assert_close(ratio, torch.full_like(ratio, 10.0), rtol=0.2, atol=0)


def test_rounding_passes_the_gradient_to_codes_and_the_rounding_error_to_steps() -> None:
    codes = torch.tensor([[0.3, 0.8, -1.4]], requires_grad=True)
    steps = torch.tensor([[1.0]], requires_grad=True)
    rounded = quantize(codes, steps)
    torch.testing.assert_close(rounded, torch.tensor([[0.0, 1.0, -1.0]]))
    rounded.sum().backward()  # type: ignore[no-untyped-call]
    assert codes.grad is not None
    assert steps.grad is not None
    torch.testing.assert_close(codes.grad, torch.ones(1, 3))
    torch.testing.assert_close(steps.grad, torch.tensor([[-0.3 + 0.2 + 0.4]]))


def test_noise_has_the_width_of_a_step() -> None:
    codes, steps = torch.zeros(1, 1, 100, 100), torch.full((1, 1, 1, 1), 0.2)
    noisy = with_noise(codes, steps, torch.rand(codes.shape))
    assert -0.1 <= float(noisy.min()) < -0.09
    assert 0.09 < float(noisy.max()) <= 0.1


def test_a_larger_weight_starts_with_larger_steps() -> None:
    steps = RateModel([0.01, 0.1, 1.0], (4, 2, 2)).log_step.exp()
    assert (steps.detach().diff(dim=0) > 0).all()


def test_the_transform_of_a_codec_is_its_own_inverse_with_all_coefficients() -> None:
    for colors in (1, 3):
        encoder, decoder = codec((colors, 3 * BLOCK, 2 * BLOCK), coefficients=256)
        x = torch.rand(2, colors, 3 * BLOCK, 2 * BLOCK)
        if colors == 3:
            x = x.mean(1, keepdim=True).expand_as(x)  # chroma has a quarter of the coefficients
        torch.testing.assert_close(decoder(encoder(x)), x, rtol=0, atol=1e-4)


def test_each_plane_of_color_has_channels_of_its_own() -> None:
    encoder, decoder = codec((3, 2 * BLOCK, BLOCK), coefficients=64)
    gray = torch.rand(1, 1, 2 * BLOCK, BLOCK).expand(1, 3, 2 * BLOCK, BLOCK)
    with torch.no_grad():
        codes = encoder(gray)
        assert codes.shape == (1, 64 + 16 + 16, 2, 1)
        assert float(codes[:, 64:].abs().max()) < 1e-4, "gray has no chroma"
        assert float(codes[:, :64].abs().max()) > 1
        codes[:, :64] = 0
        codes[:, 64] = 1  # a constant Cb
        blue = decoder(codes)
    assert float(blue[:, 2].min()) > 0 > float(blue[:, 1].max()), "more blue, less green"


def test_a_few_channels_decode_as_all_of_them_with_the_others_zero() -> None:
    for colors, used in ((1, [3, 9]), (3, [3, 9]), (3, [9, 70]), (3, [64, 79, 80, 95]), (3, [80])):
        _, decoder = codec((colors, 2 * BLOCK, 3 * BLOCK), coefficients=64)
        assert isinstance(decoder, Decoder)
        for parameter in decoder.parameters():
            torch.nn.init.normal_(parameter, std=0.1)  # the last layer starts at zero
        codes = torch.zeros(2, 64 if colors == 1 else 96, 2, 3)
        codes[:, used] = torch.randn(2, len(used), 2, 3)
        with torch.no_grad():
            expected, some = decoder.expand(codes), decoder.expand_some(codes[:, used], torch.tensor(used))
        torch.testing.assert_close(some, expected, rtol=1e-4, atol=1e-4)


def test_fewer_coefficients_keep_the_lowest_frequencies() -> None:
    encoder, decoder = codec((1, BLOCK, BLOCK), coefficients=10)
    smooth = torch.linspace(0, 1, BLOCK).expand(1, 1, BLOCK, BLOCK)
    noise = torch.rand(1, 1, BLOCK, BLOCK)
    with torch.no_grad():
        assert float((decoder(encoder(smooth)) - smooth).square().mean()) < 1e-3
        assert float((decoder(encoder(noise)) - noise).square().mean()) > 0.05


def test_images_of_any_size_are_padded_and_cropped() -> None:
    encoder, decoder = codec((1, 33, 17))
    assert encoder(torch.zeros(1, 1, 33, 17)).shape == (1, 64, 3, 2)
    assert decoder(torch.zeros(1, 64, 3, 2)).shape == (1, 1, 33, 17)
    assert encoder(torch.zeros(2, 1, 100, 50)).shape == (2, 64, 7, 4)
