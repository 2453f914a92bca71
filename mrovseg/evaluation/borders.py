"""How much more often the class changes on the lines of a regular grid than elsewhere: whether a mask shows seams."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int64, UInt


@dataclass(frozen=True, slots=True)
class Grid:
    """Lines between rows, and between columns, along which masks are made in parts.

    Line n lies between pixels n - 1 and n. It is of the grid where n less one of `offsets_px` is a multiple of
    `step_px`. Raises ValueError for a step below 1 and for no offset.
    """

    step_px: int
    offsets_px: tuple[int, ...] = (0,)

    def __post_init__(self) -> None:
        """Check that there are such lines."""
        if self.step_px < 1 or not self.offsets_px:
            raise ValueError(f"a grid has a step of 1 px or more and an offset at least, got {self!r}")

    def among(self, lines: Int64[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
        """Tell which lines are of the grid."""
        remainders = [offset % self.step_px for offset in self.offsets_px]
        found: np.ndarray = np.isin(lines % self.step_px, remainders)
        return found


class BorderRates:
    """Border rates by grid, summed over any number of masks.

    Of one mask and lines of one direction, the rate is the share of neighbouring pixels across the lines of the grid
    that differ in class, divided by what is usual: the median of that share over all lines at multiples of the labels'
    stride. About 1 is no seam.

    Directions and masks are added up as counts, and divided once: all neighbours across lines of the grid that
    differ, by as many as would if each such line had the usual share of its own mask and direction. So a mask with
    many outlines does not hide the seams of one with few. At least one is expected, so that no rate is infinite and
    that of masks of one class is 0. Where most lines cross no outline at all, a usual share of 0 makes a large rate of
    any outline on the grid.

    Neighbours of which one has no data, the maximum of the mask's dtype, are not compared.
    """

    def __init__(self, grids: Mapping[str, Grid], *, stride_px: int) -> None:
        """Start from nothing; `grids` go by their names."""
        self.grids = dict(grids)
        self.stride = Grid(stride_px)
        self.compared = dict.fromkeys(self.grids, 0)
        self.differing = dict.fromkeys(self.grids, 0)
        self.expected = dict.fromkeys(self.grids, 0.0)

    def add(self, mask: UInt[np.ndarray, "y x"]) -> None:
        """Count the class changes of a whole mask, whose first pixel is that of the grids."""
        for rows in (mask, mask.T):
            differing, compared = _changes(rows)
            lines = np.arange(1, len(compared) + 1)
            usual = _median_share(differing, compared, where=self.stride.among(lines))
            if usual is not None:
                for name, grid in self.grids.items():
                    on = grid.among(lines)
                    self.compared[name] += int(compared[on].sum())
                    self.differing[name] += int(differing[on].sum())
                    self.expected[name] += usual * int(compared[on].sum())

    @property
    def rates(self) -> dict[str, float]:
        """The rate of each grid; nan for one that no mask has a line of."""
        return {
            name: self.differing[name] / max(self.expected[name], 1.0) if compared else math.nan
            for name, compared in self.compared.items()
        }

    @property
    def greatest(self) -> float:
        """The greatest rate; nan where there is none."""
        return max((rate for rate in self.rates.values() if not math.isnan(rate)), default=math.nan)


def _changes(mask: UInt[np.ndarray, "y x"]) -> tuple[Int64[np.ndarray, " n"], Int64[np.ndarray, " n"]]:
    """Count neighbours across each line between rows: those that differ, and those that are compared."""
    has_data = mask != np.iinfo(mask.dtype).max
    both = has_data[1:] & has_data[:-1]
    differ = (mask[1:] != mask[:-1]) & both
    return differ.sum(axis=1, dtype=np.int64), both.sum(axis=1, dtype=np.int64)


def _median_share(
    differing: Int64[np.ndarray, " n"], compared: Int64[np.ndarray, " n"], *, where: Bool[np.ndarray, " n"]
) -> float | None:
    """Return the median share of the lines that have neighbours to compare; None where there is none."""
    chosen = where & (compared > 0)
    return float(np.median(differing[chosen] / compared[chosen])) if chosen.any() else None
