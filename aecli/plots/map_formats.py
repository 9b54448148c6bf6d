"""The formats of map files; imports nothing heavy."""

from typing import Literal, get_args

MapFormat = Literal["tiff", "npy"]
MAP_FORMATS: tuple[MapFormat, ...] = get_args(MapFormat)
