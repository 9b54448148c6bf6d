"""A compression report in sentences."""

from collections.abc import Sequence
from dataclasses import replace

from aecli.analyses.compression.bd_rate import BDRate, Winner
from aecli.analyses.compression.comparisons import Comparison
from aecli.analyses.compression.report import CompressionReport
from aecli.runtime.counting import counted

MIN_DECIBELS = 0.2
"""A method that needs the fewest bytes in a smaller range of PSNR is not mentioned."""


def summary(report: CompressionReport) -> str:
    """Return one sentence: which method needs the fewest bytes for which PSNR, and when the models pay off."""
    ranges = _merged([winner for winner in report.winners if winner.high - winner.low >= MIN_DECIBELS])
    if not ranges:
        return "no method has several qualities, so that bytes at equal quality cannot be compared"
    parts = [_range(ranges[0], f" from {ranges[0].low:.1f}"), *(_range(winner) for winner in ranges[1:])]
    text = f"fewest bytes at equal PSNR: {', then '.join(parts)}"
    models = dict.fromkeys(winner.name for winner in ranges if winner.name in report.models)
    return "; ".join([text, *(_with_decoder(model, report) for model in models)])


def comparison_lines(report: CompressionReport) -> list[str]:
    """Return one line on each model compared with each other method, and one on methods of another quality."""
    lines = [_line(comparison) for comparison in report.comparisons if comparison.psnr]
    for model in report.models:
        apart = [each.other for each in report.comparisons if each.model == model and not each.psnr]
        if apart:
            lines.append(f"{model} has no PSNR in common with {', '.join(apart)}")
    return lines


def _range(winner: Winner, start: str = "") -> str:
    if winner.is_lossless:
        return f"{winner.name} (lossless)"
    return f"{winner.name}{start} {'to' if start else 'up to'} {winner.high:.1f} dB"


def _merged(winners: Sequence[Winner]) -> list[Winner]:
    merged: list[Winner] = []
    for winner in winners:
        if merged and merged[-1].name == winner.name:
            merged[-1] = replace(merged[-1], high=winner.high)
        else:
            merged.append(winner)
    return merged


def _with_decoder(model: str, report: CompressionReport) -> str:
    decoder_bytes = next(row.decoder_bytes for row in report.rows if row.family == model)
    pays_off = {
        comparison.other: comparison.pays_off.images
        for comparison in report.comparisons
        if comparison.model == model and comparison.pays_off and comparison.other not in report.models
    }
    text = f"{model} also needs a decoder of {decoder_bytes:,} bytes"
    if not pays_off:
        return text
    if None in pays_off.values():
        return f"{text} once"
    images = counted(max(filter(None, pays_off.values())), "image")
    return f"{text}, which pays off from {images} against {', '.join(pays_off)}"


def _line(comparison: Comparison) -> str:
    rate = comparison.psnr
    assert rate
    parts = [f"{_bytes(rate)} at equal PSNR, {rate.low:.1f} to {rate.high:.1f} dB"]
    if comparison.ssim:
        parts.append(f"{_bytes(comparison.ssim)} at equal SSIM")
    if comparison.psnr_without_headers:
        parts.append(f"without headers {_bytes(comparison.psnr_without_headers)} at equal PSNR")
    if comparison.pays_off:
        images = comparison.pays_off.images
        parts.append("never pays off" if images is None else f"pays off from {counted(images, 'image')}")
    return f"{comparison.model} against {comparison.other}: {'; '.join(parts)}"


def _bytes(rate: BDRate) -> str:
    return f"{abs(rate.percent):.1f}% {'fewer' if rate.percent < 0 else 'more'} bytes"
