"""What kind of TIFF an image is, in words, for those that are not read."""

from aecli.data.formats.tiff import directories as tags
from aecli.data.formats.tiff.directories import Directory, TiffError
from aecli.runtime.counting import counted

PHOTOMETRIC_NAMES = {
    **{4: "a mask", 5: "CMYK", 6: "YCbCr", 8: "CIELAB", 9: "ICCLAB", 10: "ITULAB", 32844: "LogL", 32845: "LogLuv"},
    **{32803: "raw sensor data", 34892: "linear raw data"},
}
COMPRESSION_NAMES = {
    **{34661: "JBIG", 34712: "JPEG 2000", 33003: "JPEG 2000", 33005: "JPEG 2000", 34887: "LERC", 34925: "LZMA"},
    **{50000: "Zstandard", 50001: "WebP", 50002: "JPEG XL", 34676: "SGI Log", 34677: "SGI Log", 6: "old JPEG"},
    **{32809: "ThunderScan", 32908: "PIXAR", 32909: "PIXAR Log", 22610: "JPEG XR", 34934: "JPEG XR", 34933: "PNG"},
}
GRAY, RGB, PALETTE, CMYK, YCBCR, CIELAB = (0, 1), 2, 3, 5, 6, 8
CHANNELS = {RGB: 3, CMYK: 4, YCBCR: 3, CIELAB: 3}
"""The number of channels by photometric kind; 1 for others."""
UNSIGNED, SIGNED, FLOAT = 1, 2, 3
NUMBER_NAMES = {UNSIGNED: "{} bits", SIGNED: "signed {}-bit integers", FLOAT: "{}-bit floats"}
UNUSUAL_ORDER = "16 bits in an unusual order"


def is_raw_photo(directory: Directory) -> bool:
    """Return whether an image belongs to a raw camera file."""
    return tags.DNG_VERSION in directory.entries


def compression_reason(directory: Directory) -> str | None:
    """Return why an image is not read, if that may be due to a rare compression; None otherwise."""
    compression = COMPRESSION_NAMES.get(directory.value(tags.COMPRESSION, 1))
    if compression is None:
        return None
    return f"a TIFF with {compression} compression, which is not read: save it with deflate compression"


def misread_reason(directory: Directory) -> str | None:
    """Return why an image is not read, if it is a kind that Pillow takes for another or cannot convert; else None."""
    from PIL import features

    photometric = directory.value(tags.PHOTOMETRIC, 0)
    if photometric == CIELAB:
        if directory.value(tags.PLANAR, 1) == 2:
            return _reason("of planar CIELAB", "convert it to RGB")
        return None if features.check("littlecms2") else _reason("of CIELAB", "convert it to RGB, or install littlecms")
    if photometric != YCBCR or directory.value(tags.COMPRESSION, 1) != 1:
        return None
    if directory.value(tags.PLANAR, 1) == 2:
        return _reason("of planar YCbCr", "convert it to RGB")
    pixels = directory.value(tags.WIDTH, 0) * directory.value(tags.HEIGHT, 0)
    if 0 < sum(directory.values(tags.STRIP_BYTES)) <= 2 * pixels:  # at most 16 instead of 24 bits per pixel
        return _reason("of subsampled YCbCr", "convert it to RGB")
    return None


def kind_reason(directory: Directory) -> str | None:
    """Return why an image is not read, if that is due to its kind and not to damage; None otherwise."""
    try:
        if reason := compression_reason(directory):
            return reason
        kind = _unread_kind(directory)
    except TiffError:
        return None
    return _reason(*kind) if kind else None


def _reason(kind: str, advice: str) -> str:
    return f"a TIFF {kind}, which is not read: {advice}"


def _unread_kind(directory: Directory) -> tuple[str, str] | None:
    """Return the kind of an unread image and what to do, or None for a kind that is read."""
    if directory.value(tags.WIDTH, 0) < 1 or directory.value(tags.HEIGHT, 0) < 1:
        return None
    bits, kinds = directory.values(tags.BITS, (1,)), directory.values(tags.SAMPLE_FORMAT, (UNSIGNED,))
    if not all(0 < number <= 64 for number in bits):
        return None
    photometric = directory.value(tags.PHOTOMETRIC, 0)
    is_planar = directory.value(tags.PLANAR, 1) == 2
    if photometric not in (*GRAY, RGB, PALETTE) and (is_planar or photometric not in (CMYK, YCBCR, CIELAB)):
        name = PHOTOMETRIC_NAMES.get(photometric, f"photometric kind {photometric}")
        return f"of {'planar ' * is_planar}{name}", "convert it to RGB"
    samples, extra = directory.value(tags.SAMPLES, 1), len(directory.values(tags.EXTRA_SAMPLES))
    if photometric == CIELAB and (samples != CHANNELS[CIELAB] or set(bits) != {8}):
        return f"of CIELAB with {counted(samples, 'channel')} of {bits[0]} bits", "convert it to RGB"
    if samples - extra != CHANNELS.get(photometric, 1) or extra > 1:
        return f"of {counted(samples, 'channel')}", "save 1 or 3 of them"
    is_color = photometric not in GRAY
    kind = _unread_numbers(bits, kinds, (8, 16) if is_color else (1, 2, 4, 8, 16))
    advice = "convert it to RGB of 8 or 16 bits" if is_color else "convert it to 16 bits"
    if is_planar and kind == UNUSUAL_ORDER:
        kind, advice = "16 bits", "save it with interleaved channels"
    return (f"of {'planar ' * is_planar}{kind}", advice) if kind else None


def _unread_numbers(bits: tuple[int, ...], kinds: tuple[int, ...], common: tuple[int, ...]) -> str | None:
    """Return the kind of numbers if they are not `common` bits of unsigned integers."""
    if len(set(bits)) > 1 or len(set(kinds)) > 1:
        return f"{', '.join(map(str, bits))} bits"
    if kinds[0] not in NUMBER_NAMES:
        return "complex or undefined numbers"
    if kinds[0] != UNSIGNED or bits[0] not in common:
        return NUMBER_NAMES[kinds[0]].format(bits[0])
    return UNUSUAL_ORDER if bits[0] == 16 else None
