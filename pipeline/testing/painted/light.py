"""What lies between the ground and the picture: shadows, light by place, haze, blur, grain."""

# ruff: noqa: PLR2004 - fractions, lengths and tones of a picture: each stands once, where it is painted

import numpy as np
from jaxtyping import Float32, UInt8

from pipeline.testing.painted.canvas import Canvas

SHADOW_PX = 32
MARGIN_PX = SHADOW_PX + 1  # one more for the blur
_SHADOW_STEP_PX = 2
_TONE_CELL_PX = 700


def develop(canvas: Canvas) -> UInt8[np.ndarray, "y x 3"]:
    """Return the picture of a canvas, without its margin."""
    shape = (canvas.grid.height, canvas.grid.width)
    lit = np.float32(1) - np.float32(0.52) * _shadow(canvas)
    inner = (slice(MARGIN_PX, -MARGIN_PX),) * 2
    tone = [
        canvas.grid.lattice(canvas.style.salt(80 + k), _TONE_CELL_PX)[inner] - np.float32(0.5)
        for k in range(6)
    ]
    sharp = np.float32(0.35) + np.float32(0.5) * (tone[5] + np.float32(0.5))
    grain = canvas.grain.reshape(shape)[inner]
    bands = []
    for band, colour in enumerate((canvas.red, canvas.green, canvas.blue)):
        cool = np.float32(0.16 if band == 2 else 0.0)  # the sky lights shadows, bluish
        light = lit + cool * (np.float32(1) - lit)
        value = _blurred((colour.reshape(shape)[SHADOW_PX:-SHADOW_PX, SHADOW_PX:-SHADOW_PX] * light), sharp)
        bands.append(_exposed(canvas, value, band, tone, grain))
    return np.stack(bands, axis=-1)


def _shadow(canvas: Canvas) -> Float32[np.ndarray, "y x"]:
    """Return 1 where something between here and the sun is high enough, without the shadow margin."""
    height, width = canvas.grid.height, canvas.grid.width
    tops = (canvas.height_px * np.float32(4)).astype(np.int16).reshape(height, width)
    inner = tops[SHADOW_PX:-SHADOW_PX, SHADOW_PX:-SHADOW_PX]
    shaded = np.zeros(inner.shape, dtype=bool)
    style = canvas.style
    for reach in range(_SHADOW_STEP_PX, SHADOW_PX + 1, _SHADOW_STEP_PX):
        down, right = round(style.sun_y * reach), round(style.sun_x * reach)
        seen = tops[
            SHADOW_PX + down : height - SHADOW_PX + down, SHADOW_PX + right : width - SHADOW_PX + right
        ]
        shaded |= seen - np.int16(4 * reach * style.shadow_slope) > inner
    return shaded.astype(np.float32)


def _blurred(
    value: Float32[np.ndarray, "y x"], sharp: Float32[np.ndarray, "v u"]
) -> Float32[np.ndarray, "v u"]:
    """Mix pixels with the mean of their neighbours; the result is one pixel smaller on every side."""
    rows = value[:-2] + value[1:-1] + value[2:]
    mean = (rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]) * np.float32(1 / 9)
    mixed: Float32[np.ndarray, "v u"] = mean + (value[1:-1, 1:-1] - mean) * sharp
    return mixed


def _exposed(
    canvas: Canvas,
    value: Float32[np.ndarray, "y x"],
    band: int,
    tone: list[Float32[np.ndarray, "y x"]],
    grain: np.ndarray,
) -> UInt8[np.ndarray, "y x"]:
    """Apply light, cast, contrast, haze and sensor noise of one band."""
    style = canvas.style
    warmth = np.float32(0.08 * style.warmth * (1 - band))
    gain = np.float32(style.exposure) * (
        np.float32(1) + warmth + np.float32(0.38) * tone[0] + np.float32(0.16) * tone[1 + band]
    )
    haze = np.float32(style.haze) * (np.float32(1) + tone[4])
    veil = (186.0, 192.0, 202.0)[band]
    value = value * gain
    value = value + (np.float32(veil) - value) * haze
    noise = ((grain >> np.uint32(8 + 8 * band)) & np.uint32(0xFF)).astype(np.float32) - np.float32(127.5)
    value += noise * np.float32(style.grain / 127.5) * (np.float32(1) + tone[4])
    band_values: UInt8[np.ndarray, "y x"] = np.clip(value, 0, 255).astype(np.uint8)
    return band_values
