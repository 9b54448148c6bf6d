"""Fonts for names in scripts that matplotlib's own font does not have."""

from functools import cache

from matplotlib.font_manager import get_font_names

FALLBACKS = (
    *("Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC", "Noto Sans JP", "Noto Sans KR", "Source Han Sans SC"),
    *("WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "IPAexGothic", "NanumGothic", "Droid Sans Fallback"),
    *("PingFang SC", "Hiragino Sans", "Apple SD Gothic Neo", "Arial Unicode MS"),
    *("Microsoft YaHei", "Yu Gothic", "Malgun Gothic"),
    *("Noto Sans Devanagari", "Noto Sans Thai", "Noto Sans Bengali", "Noto Sans Tamil", "Unifont"),
)
"""Fonts of Linux distributions, macOS and Windows for Chinese, Japanese, Korean, Devanagari, Thai and other scripts."""


@cache
def fallback_fonts() -> list[str]:
    """Return the fonts of this machine that have characters which matplotlib's own font lacks."""
    installed = set(get_font_names())
    return [name for name in FALLBACKS if name in installed]
