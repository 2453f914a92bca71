"""Bands of one scene that lie in files of their own: all on one grid."""

from __future__ import annotations

import numpy as np

from pipeline.errors import RasterError
from pipeline.geometry.scene import Header
from pipeline.geometry.transform import pixel_size, to_crs
from pipeline.geometry.view import View

_SAME_PX = 1e-3  # as far as the corners of two bands' files may be apart


def check_same_grid(first: View, other: View) -> None:
    """Refuse a band whose file is of another grid than that of red.

    Raises:
        RasterError: it is.
    """
    names = ("height", "width", "crs_wkt")
    differing = [name for name in names if getattr(first.header, name) != getattr(other.header, name)]
    if not differing and not _near(first.header, other.header):
        differing = ["transform"]
    differing += ["orientation"] if not differing and first.orientation != other.orientation else []
    differing += ["overviews"] if not differing and first.base != other.base else []
    if differing:
        raise RasterError(
            f"{other.bands[0].uri} has another {' and '.join(differing)} than {first.bands[0].uri}: bands of one "
            "scene have one grid and CRS; resample one of them first"
        )


def _near(one: Header, other: Header) -> bool:
    rows, cols = np.array([0, 0, one.height]), np.array([0, one.width, 0])
    apart = np.abs(
        np.subtract(
            to_crs(one.transform, rows=rows, cols=cols), to_crs(other.transform, rows=rows, cols=cols)
        )
    )
    return bool(apart.max() <= _SAME_PX * max(pixel_size(one.transform)))
