"""What a whole painted scene has in common: the lie of its streets, its sun, its season."""

# ruff: noqa: PLR2004 - fractions, lengths and tones of a picture: each stands once, where it is painted

from dataclasses import dataclass

import numpy as np

from pipeline.testing.painted.noise import Doubles, Floats, Places, Points, draw, keyed


@dataclass(frozen=True)
class Style:
    """Constants of a scene; angles as unit vectors, rows before columns in (y, x) pairs."""

    seed: int
    grid_y: float  # direction of the streets' first axis
    grid_x: float
    sun_y: float  # direction towards the sun, on the ground
    sun_x: float
    shadow_slope: float  # height lost per pixel of shadow
    dryness: float  # 0 lush .. 1 arid
    haze: float
    exposure: float
    warmth: float
    grain: float

    def salt(self, number: int) -> int:
        """Return a seed of the scene's own for the purpose `number`."""
        return self.seed * 1009 + number


def style_of(seed: int) -> Style:
    """Draw the constants of the scene painted under `seed`."""
    key = keyed(seed, np.array([77]))
    value = [float(draw(key, which)[0]) for which in range(10)]
    grid_y, grid_x = _direction(0.8 * value[0] - 0.4)
    sun_y, sun_x = _direction(1.6 * value[1] - 0.8)
    return Style(
        seed=seed,
        grid_y=grid_y,
        grid_x=grid_x,
        sun_y=sun_y if value[2] < 0.3 else -sun_y,
        sun_x=sun_x if value[3] < 0.5 else -sun_x,
        shadow_slope=0.7 + 1.0 * value[4],
        dryness=value[5],
        haze=0.02 + 0.16 * value[6] * value[6],
        exposure=0.85 + 0.3 * value[7],
        warmth=value[8] - 0.5,
        grain=2.0 + 4.0 * value[9],
    )


def _direction(half_tangent: float) -> tuple[float, float]:
    """Return (sine, cosine) of an angle from the tangent of its half, without a sine."""
    square = half_tangent * half_tangent
    return 2 * half_tangent / (1 + square), (1 - square) / (1 + square)


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
