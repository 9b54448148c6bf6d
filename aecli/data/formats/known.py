"""Image formats: their names, suffixes and signatures, which ones are read, and what to do with the others."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath

from aecli.codes.aec import SUFFIX as AEC_SUFFIX
from aecli.runtime.optional_packages import is_installed

NETPBM_SUFFIXES = (".ppm", ".pgm", ".pbm", ".pnm")
DIB_HEADER_BYTES = (12, 40, 52, 56, 64, 108, 124)
HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs")
AVIF_BRANDS = (b"avif", b"avis")
GENERIC_BRANDS = (b"mif1", b"msf1", b"miaf")
"""Brands of both HEIC and AVIF; the compatible brands that follow tell which one it is."""
START_BYTES = 512
"""Bytes at the start of a file that identify its format."""


@dataclass(frozen=True)
class Format:
    """An image format that is read if its decoder is installed."""

    name: str
    """The name in messages."""
    plugin: str
    """The name of Pillow's plugin."""
    suffixes: tuple[str, ...]
    module: str | None = None
    """A module that only some installations have; None for formats that every Pillow reads."""
    install: str = "pip install --upgrade pillow"
    """What to type if the module is missing."""
    several: bool = False
    """Whether a file may hold several frames or pages."""

    @property
    def is_available(self) -> bool:
        """Whether the decoder is installed."""
        return self.module is None or is_installed(self.module)


PNG = Format("PNG", "PNG", (".png", ".apng"), several=True)
JPEG = Format("JPEG", "JPEG", (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"))
WEBP = Format("WebP", "WEBP", (".webp",), several=True)
BMP = Format("BMP", "BMP", (".bmp",))
DIB = Format("BMP", "DIB", (".dib",))
TIFF = Format("TIFF", "TIFF", (".tif", ".tiff"), several=True)
GIF = Format("GIF", "GIF", (".gif",), several=True)
PPM = Format("PPM", "PPM", NETPBM_SUFFIXES)
AVIF = Format("AVIF", "AVIF", (".avif", ".avifs"), module="PIL._avif", several=True)
JPEG_2000 = Format("JPEG 2000", "JPEG2000", (".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx"))
HEIC = Format(
    *("HEIC", "HEIF", (".heic", ".heif", ".hif", ".heics", ".heifs")),
    module="pillow_heif",
    install="pip install 'aecli[heif]'",
    several=True,
)
FORMATS = (PNG, JPEG, WEBP, BMP, DIB, TIFF, GIF, PPM, AVIF, JPEG_2000, HEIC)
AEC = Format("AEC", "", (AEC_SUFFIX,))
"""Images that a codec of aecli has compressed."""
SUFFIXES = frozenset((*AEC.suffixes, *(suffix for one in FORMATS if one.is_available for suffix in one.suffixes)))
"""Suffixes of the files that are read from folders and archives."""
SIGNATURES = (
    *((b"\x89PNG", PNG), (b"\xff\xd8\xff", JPEG), (b"GIF87a", GIF), (b"GIF89a", GIF), (b"BM", BMP)),
    *((b"\xff\x4f\xff\x51", JPEG_2000), (b"\0\0\0\x0cjP  ", JPEG_2000), (b"AEC\1", AEC)),
    *((prefix, TIFF) for prefix in (b"II*\0", b"MM\0*", b"MM*\0", b"II\0*", b"II+\0", b"MM\0+")),
)
SUMMARY = "PNG, JPEG, WebP, AVIF, JPEG 2000, BMP, TIFF, GIF or PPM, and HEIC with aecli[heif]"


@dataclass(frozen=True)
class UnreadFormat:
    """A format that is known, but not read."""

    name: str
    """With its article: `a PSD file`."""
    advice: str = "save it as PNG"

    @property
    def reason(self) -> str:
        """Why a file of this format is not read."""
        return f"{self.name}, which is not read: {self.advice}"


VIDEO = UnreadFormat("a video", "extract its frames as PNG files")
RAW = UnreadFormat("a raw camera file", "develop it to a TIFF of 16 bits")
JPEG_XL = UnreadFormat("a JPEG XL file")
UNREAD_SUFFIXES: Mapping[str, UnreadFormat] = {
    **dict.fromkeys((".tga", ".icb", ".vda", ".vst"), UnreadFormat("a TGA file")),
    ".ico": UnreadFormat("an ICO file"),
    ".cur": UnreadFormat("a CUR file"),
    ".dds": UnreadFormat("a DDS file"),
    **dict.fromkeys((".psd", ".psb"), UnreadFormat("a PSD file")),
    **dict.fromkeys((".svg", ".svgz"), UnreadFormat("an SVG file")),
    ".pdf": UnreadFormat("a PDF file"),
    **dict.fromkeys((".eps", ".ps", ".ai"), UnreadFormat("a PostScript file")),
    ".jxl": JPEG_XL,
    **dict.fromkeys((".jxr", ".wdp", ".hdp"), UnreadFormat("a JPEG XR file")),
    ".pcx": UnreadFormat("a PCX file"),
    ".xcf": UnreadFormat("a GIMP file"),
    ".exr": UnreadFormat("an OpenEXR file", "save it as a TIFF of 16 bits"),
    ".hdr": UnreadFormat("an HDR file", "save it as a TIFF of 16 bits"),
    ".pam": UnreadFormat("a PAM file"),
    ".qoi": UnreadFormat("a QOI file"),
    ".icns": UnreadFormat("an ICNS file"),
    ".dcm": UnreadFormat("a DICOM file", "save it as a PNG of 16 bits"),
    **dict.fromkeys((".nii", ".mha", ".nrrd"), UnreadFormat("a volume", "save its slices as PNG files of 16 bits")),
    **dict.fromkeys((".fits", ".fit", ".fts"), UnreadFormat("a FITS file", "save it as a TIFF of 16 bits")),
    **dict.fromkeys(
        (".cr2", ".cr3", ".nef", ".nrw", ".arw", ".sr2", ".dng", ".orf", ".rw2", ".raf", ".pef", ".srw"), RAW
    ),
    **dict.fromkeys((".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv"), VIDEO),
}
KNOWN_SUFFIXES = frozenset((*UNREAD_SUFFIXES, *(suffix for one in (*FORMATS, AEC) for suffix in one.suffixes)))
"""Suffixes of image files, whether they are read or called by their names."""
UNREAD_SIGNATURES: tuple[tuple[int, bytes, UnreadFormat], ...] = (
    (0, b"\0\0\1\0", UNREAD_SUFFIXES[".ico"]),
    (0, b"DDS ", UNREAD_SUFFIXES[".dds"]),
    (0, b"8BPS", UNREAD_SUFFIXES[".psd"]),
    (0, b"%PDF", UNREAD_SUFFIXES[".pdf"]),
    (0, b"%!PS", UNREAD_SUFFIXES[".eps"]),
    (0, b"\xff\x0a", JPEG_XL),
    (0, b"\0\0\0\x0cJXL ", JPEG_XL),
    (0, b"II\xbc", UNREAD_SUFFIXES[".jxr"]),
    (0, b"gimp xcf", UNREAD_SUFFIXES[".xcf"]),
    (0, b"\x76\x2f\x31\x01", UNREAD_SUFFIXES[".exr"]),
    (0, b"#?RADIANCE", UNREAD_SUFFIXES[".hdr"]),
    (0, b"#?RGBE", UNREAD_SUFFIXES[".hdr"]),
    (0, b"P7\n", UNREAD_SUFFIXES[".pam"]),
    (0, b"qoif", UNREAD_SUFFIXES[".qoi"]),
    (0, b"icns", UNREAD_SUFFIXES[".icns"]),
    (128, b"DICM", UNREAD_SUFFIXES[".dcm"]),
    (0, b"SIMPLE  =", UNREAD_SUFFIXES[".fits"]),
    (0, b"II*\0\x10\0\0\0CR", RAW),
    (0, b"IIU\0", RAW),
    (0, b"IIRO", RAW),
    (0, b"IIRS", RAW),
    (0, b"MMOR", RAW),
    (0, b"FUJIFILMCCD-RAW", RAW),
    (4, b"ftypcrx ", RAW),
    (0, b"\x1a\x45\xdf\xa3", VIDEO),
    (8, b"AVI ", VIDEO),
    (0, b"\0\0\1\xba", VIDEO),
    (0, b"\x93NUMPY", UnreadFormat("a NumPy array", "name it .npy")),
    (0, b"PK\3\4", UnreadFormat("a ZIP archive", "name it .zip")),
)
TEXT_SIGNATURES = {
    b"<svg": UNREAD_SUFFIXES[".svg"],
    b"<html": UnreadFormat("a web page", "download the image again"),
    b"<!doctype html": UnreadFormat("a web page", "download the image again"),
}


def read_format(start: bytes) -> Format | None:
    """Return the format of a file from its first START_BYTES bytes; None if it is none of FORMATS."""
    for signature, found in SIGNATURES:
        if start.startswith(signature):
            return found
    if start.startswith(b"RIFF") and start[8:12] == b"WEBP":
        return WEBP
    if start[:1] == b"P" and start[1:2] in b"123456fy0" and len(start) > 1:
        return PPM
    if start[4:8] == b"ftyp":
        return _of_brands(start)
    return DIB if _is_dib(start) else None


def unread_format(start: bytes, name: str) -> UnreadFormat | None:
    """Return the known format of a file that is not read, from its first START_BYTES bytes or else from its name."""
    for position, signature, found in UNREAD_SIGNATURES:
        if start[position:].startswith(signature):
            return found
    if start[4:8] in (b"ftyp", b"moov", b"mdat") and _of_brands(start) is None:
        return VIDEO
    if _is_tga(start):
        return UNREAD_SUFFIXES[".tga"]
    text = start.lower()
    if b"\0" not in text:
        for signature, found in TEXT_SIGNATURES.items():
            if signature in text:
                return found
    return UNREAD_SUFFIXES.get(PurePath(name).suffix.lower())


def _of_brands(start: bytes) -> Format | None:
    length = int.from_bytes(start[:4])
    brands = [start[8:12], *(start[at : at + 4] for at in range(16, min(length, len(start)), 4))]
    if brands[0] not in (*AVIF_BRANDS, *HEIF_BRANDS, *GENERIC_BRANDS):
        return None
    specific = brands[:1] if brands[0] not in GENERIC_BRANDS else brands
    return AVIF if any(brand in AVIF_BRANDS for brand in specific) else HEIC


def _is_tga(start: bytes) -> bool:
    """Return whether a file starts with the header of a TGA file, which has no signature."""
    if len(start) < 18 or start[1] > 1 or start[2] not in (1, 2, 3, 9, 10, 11) or start[17] & 0xC0:
        return False
    has_palette = start[1] == 1
    return (
        start[16] in (8, 15, 16, 24, 32)
        and (has_palette or not any(start[3:8]))
        and any(start[12:14])
        and any(start[14:16])
    )


def _is_dib(start: bytes) -> bool:
    """Return whether a file starts with the header of a bitmap, without the file header of BMP."""
    size = int.from_bytes(start[:4], "little")
    planes = start[8:10] if size == DIB_HEADER_BYTES[0] else start[12:14]
    return size in DIB_HEADER_BYTES and planes == b"\1\0"
