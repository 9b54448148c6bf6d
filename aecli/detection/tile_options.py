"""The tiles of `aecli calibrate` and `aecli detect`, if they are not those of the model; imports nothing heavy."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aecli.errors import UsageError
from aecli.runtime.options import option

if TYPE_CHECKING:
    from aecli.data.tiling import Tiling

PANEL = "Large images"


@dataclass(frozen=True)
class TileOptions:
    """How images are cut into tiles."""

    tile: int | None = option(
        None,
        "Cut images in their own size into square tiles of this many pixels, and join the scores and maps of the "
        "tiles; 0 takes whole images. Default: as the detector was calibrated, or else as the model was trained.",
        panel=PANEL,
        metavar="SIDE",
    )
    overlap: int | None = option(
        None,
        "Pixels by which neighboring tiles overlap; default: an eighth of --tile.",
        panel=PANEL,
        metavar="N",
    )

    def check(self) -> None:
        """Check the values.

        Raises:
            UsageError: a value is out of range, or an overlap is given without tiles.
        """
        if self.tile is not None and self.tile < 0:
            raise UsageError(f"--tile must be at least 0, not {self.tile}", hint="for example --tile 256")
        if self.overlap is not None and not self.tile:
            raise UsageError("--overlap needs the size of the tiles", hint="for example --tile 256 --overlap 32")
        if self.tile and self.overlap is not None and not 0 <= self.overlap < self.tile:
            raise UsageError(
                f"--overlap must be from 0 to {self.tile - 1}, not {self.overlap}",
                hint="for example an eighth of --tile",
            )

    def chosen(self, default: "Tiling | None") -> "Tiling | None":
        """Return the tiles to cut images into; None for whole images. `default` applies if no option is given."""
        from aecli.data.tiling import Tiling

        if self.tile is None:
            return default
        overlap = self.tile // 8 if self.overlap is None else self.overlap
        return Tiling(self.tile, overlap) if self.tile else None
