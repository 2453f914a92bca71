"""The lie of the land: how streets bend over it, and where water stands."""

import numpy as np

from pipeline.testing.painted.noise import Doubles, Floats, Places, Points
from pipeline.testing.painted.style import Style

_BEND_PX = 200.0
_BEND_CELL_PX = 760


def warped(style: Style, places: Places) -> tuple[Doubles, Doubles]:
    """Map places to the (v, u) frame of the streets."""
    bend_v, bend_u = _bend(style, places)
    v = style.grid_x * places.y - style.grid_y * places.x + bend_v
    return v, style.grid_y * places.y + style.grid_x * places.x + bend_u


def unwarped(style: Style, v: Doubles, u: Doubles) -> Points:
    """Invert `warped` by iteration; the bend contracts, eight rounds leave far less than a pixel."""
    places = Points(v, u)
    bend_v, bend_u = np.full_like(v, _BEND_PX / 2), np.full_like(u, _BEND_PX / 2)
    for _ in range(8):
        flat_v, flat_u = v - bend_v, u - bend_u
        places = Points(
            style.grid_x * flat_v + style.grid_y * flat_u, style.grid_x * flat_u - style.grid_y * flat_v
        )
        bend_v, bend_u = _bend(style, places)
    return places


def water_px(style: Style, places: Places) -> Floats:
    """Return a rough distance in pixels into lakes and the river; negative on land."""
    lake = places.lattice(style.salt(3), 620)
    lake += np.float32(0.28) * places.lattice(style.salt(4), 150)
    river = np.abs(places.lattice(style.salt(5), 2300) - np.float32(0.5))
    bank = np.float32(0.009) + np.float32(0.009) * places.lattice(style.salt(6), 330)
    value: Floats = np.maximum((lake - np.float32(1.01)) * np.float32(420), (bank - river) * np.float32(1500))
    return value


def _bend(style: Style, places: Places) -> tuple[Doubles, Doubles]:
    bend_v, bend_u = (places.lattice(style.salt(axis), _BEND_CELL_PX).astype(np.float64) for axis in (1, 2))
    return _BEND_PX * bend_v, _BEND_PX * bend_u
