"""One picture of a result: the scene, the mask over it, the truth where there is one, and a legend."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Bool, UInt, UInt8
from PIL import Image, ImageDraw, ImageFont

PANEL_PX = 900
GAP_PX = 24
TEXT_PX = 26
OPACITY = 0.55
# Of no data, `other`, then the classes in their order, again from the front when there are more.
NO_DATA_COLOUR = (255, 255, 255)
OTHER_COLOUR = (120, 120, 120)
CLASS_COLOURS = (
    (214, 56, 48), (222, 184, 98), (92, 64, 142), (60, 160, 70), (40, 120, 200),
    (240, 130, 30), (30, 170, 170), (230, 110, 180), (140, 90, 40), (160, 200, 50),
)  # fmt: skip


def draw(
    path: Path,
    *,
    scene: UInt8[np.ndarray, "y x 3"],
    mask: UInt[np.ndarray, "y x"],
    truth: UInt[np.ndarray, "y x"] | None,
    names: Sequence[str],
) -> None:
    """Write a PNG with a panel each for scene, mask and truth; `names[i]` is the class of id i + 1."""
    shown = {"scene": scene, "mask": overlay(scene, mask)}
    if truth is not None:
        shown["truth"] = overlay(scene, truth)
    panels = {title: _panel(pixels) for title, pixels in shown.items()}
    width = GAP_PX + sum(panel.width + GAP_PX for panel in panels.values())
    height = max(panel.height for panel in panels.values()) + 4 * GAP_PX + 2 * TEXT_PX
    picture = Image.new("RGB", (width, height), "white")
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(TEXT_PX)
    left = GAP_PX
    for title, panel in panels.items():
        pen.text((left, GAP_PX // 2), title, "black", font)
        picture.paste(panel, (left, GAP_PX + TEXT_PX))
        left += panel.width + GAP_PX
    _legend(pen, font, names, top=height - GAP_PX - TEXT_PX)
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)


def save_small(path: Path, pixels: UInt8[np.ndarray, "y x 3"], valid: Bool[np.ndarray, "y x"]) -> None:
    """Write pixels as a PNG; those without data are transparent."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.dstack([pixels, valid.astype(np.uint8) * 255]), "RGBA").save(path)


def overlay(scene: UInt8[np.ndarray, "y x 3"], mask: UInt[np.ndarray, "y x"]) -> UInt8[np.ndarray, "y x 3"]:
    """Lay the colours of class ids over the scene; pixels without data are white."""
    colours = np.full((np.iinfo(mask.dtype).max + 1, 3), NO_DATA_COLOUR, np.float32)
    classes = np.arange(len(colours) - 2) % len(CLASS_COLOURS)
    colours[0], colours[1:-1] = OTHER_COLOUR, np.array(CLASS_COLOURS)[classes]
    mixed = OPACITY * colours[mask] + (1 - OPACITY) * scene
    mixed[mask == np.iinfo(mask.dtype).max] = NO_DATA_COLOUR
    painted: np.ndarray = mixed.astype(np.uint8)
    return painted


def _panel(pixels: UInt8[np.ndarray, "y x 3"]) -> Image.Image:
    panel = Image.fromarray(pixels)
    panel.thumbnail((PANEL_PX, PANEL_PX), Image.Resampling.BOX)
    return panel


def _legend(
    pen: ImageDraw.ImageDraw,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    names: Sequence[str],
    *,
    top: int,
) -> None:
    entries = [("other", OTHER_COLOUR)]
    entries += [(name, CLASS_COLOURS[at % len(CLASS_COLOURS)]) for at, name in enumerate(names)]
    left = GAP_PX
    for name, colour in entries:
        pen.rectangle((left, top, left + TEXT_PX, top + TEXT_PX), colour, "black")
        pen.text((left + TEXT_PX + 8, top - 2), name, "black", font)
        left += TEXT_PX + 8 + int(pen.textlength(name, font)) + GAP_PX
