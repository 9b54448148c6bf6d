"""Models compared with other methods at equal quality, with and without the bytes of headers and decoders."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

from aecli.analyses.compression.bd_rate import (
    BDRate,
    Curve,
    Interval,
    Winner,
    bd_rate,
    common_range,
    fewer_bytes,
    winners,
)

if TYPE_CHECKING:
    from aecli.analyses.compression.measurement import Row


@dataclass(frozen=True)
class PaysOff:
    """The number of images from which a method with a decoder needs fewer bytes than another one."""

    psnr: float
    """At this PSNR, the middle of what both reach."""
    images: int | None
    """None: never."""

    def to_dict(self) -> dict[str, Any]:
        """Return the values."""
        return {"psnr": self.psnr, "images": self.images}


@dataclass(frozen=True)
class Comparison:
    """A model compared with another method; each value is None if the two have no quality in common."""

    model: str
    """The family of the model's rows."""
    other: str
    """The family that it is compared with."""
    psnr: BDRate | None
    """The mean difference in bytes at equal PSNR; negative if the model needs fewer bytes."""
    psnr_without_headers: BDRate | None
    ssim: BDRate | None
    ssim_without_headers: BDRate | None
    fewer_bytes: tuple[Interval, ...]
    """The ranges of PSNR in which the model needs fewer bytes, without its decoder."""
    pays_off: PaysOff | None

    def to_dict(self) -> dict[str, Any]:
        """Return all values, with None for those that do not exist."""
        rates = {
            "bd_rate_psnr": self.psnr,
            "bd_rate_psnr_without_headers": self.psnr_without_headers,
            "bd_rate_ssim": self.ssim,
            "bd_rate_ssim_without_headers": self.ssim_without_headers,
        }
        return {
            "model": self.model,
            "other": self.other,
            **{name: rate and rate.to_dict() for name, rate in rates.items()},
            "fewer_bytes_psnr": [list(interval) for interval in self.fewer_bytes],
            "pays_off": self.pays_off and self.pays_off.to_dict(),
        }


def compare(rows: Sequence["Row"], models: Sequence[str], others: Sequence[str]) -> tuple[Comparison, ...]:
    """Compare each model with all other methods, and with the models after it.

    Args:
        rows: Size and quality of all methods at all settings.
        models: The families of the models.
        others: The families of the methods that are not models.
    """
    pairs = [(model, other) for model in models for other in others]
    pairs += [(model, other) for index, model in enumerate(models) for other in models[index + 1 :]]
    lossy = {row.family for row in rows if row.quality.mse > 0}
    return tuple(
        _comparison(_family(rows, model), _family(rows, other)) for model, other in pairs if {model, other} <= lossy
    )


def best_methods(rows: Sequence["Row"], families: Sequence[str]) -> list[Winner]:
    """Return which of the methods needs the fewest bytes to reach each PSNR, without decoders.

    `families` are those of all methods but the unchanged images; a lossless setting is a method of its own.
    """
    considered = [row for row in rows if row.family in families]
    curves = {family: _curve(_family(considered, family), _size, _psnr) for family in families}
    lossless = {row.method: row.bytes_per_image for row in considered if row.quality.mse == 0}
    return winners({family: curve for family, curve in curves.items() if curve}, lossless)


def _comparison(ours: Sequence["Row"], theirs: Sequence["Row"]) -> Comparison:
    rates = [
        bd_rate(_curve(ours, size, quality), _curve(theirs, size, quality))
        for quality in (_psnr, _ssim)
        for size in (_size, _size_without_header)
    ]
    curve, other = _curve(ours, _size, _psnr), _curve(theirs, _size, _psnr)
    intervals = fewer_bytes(curve, other) if curve and other else []
    return Comparison(
        ours[0].family,
        theirs[0].family,
        rates[0],
        rates[1],
        rates[2],
        rates[3],
        tuple(intervals),
        _pays_off(curve, other, ours[0].decoder_bytes - theirs[0].decoder_bytes),
    )


def _pays_off(curve: Curve | None, other: Curve | None, decoder_bytes: int) -> PaysOff | None:
    shared = common_range(curve, other)
    if curve is None or other is None or shared is None:
        return None
    psnr = sum(shared) / 2
    saved = other.bytes_at(psnr) - curve.bytes_at(psnr)
    return PaysOff(psnr, max(1, ceil(decoder_bytes / saved)) if saved > 0 else None)


def _curve(rows: Sequence["Row"], size: Callable[["Row"], float], quality: Callable[["Row"], float]) -> Curve | None:
    return Curve.through((size(row), quality(row)) for row in rows if row.quality.mse > 0)


def _family(rows: Sequence["Row"], family: str) -> list["Row"]:
    return [row for row in rows if row.family == family]


def _size(row: "Row") -> float:
    return row.bytes_per_image


def _size_without_header(row: "Row") -> float:
    return row.bytes_per_image - row.header_bytes / row.images


def _psnr(row: "Row") -> float:
    return row.quality.psnr


def _ssim(row: "Row") -> float:
    return row.quality.ssim
