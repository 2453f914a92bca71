"""Scenes for the jobs."""

from collections.abc import Callable
from pathlib import Path

import pytest

PaintScene = Callable[..., Path]


@pytest.fixture
def paint_scene(tmp_path: Path) -> PaintScene:
    """Make a function that writes a painted, georeferenced scene into the test's folder."""
    from pipeline import raster  # noqa: PLC0415 - no package of the project at top, see tests/conftest.py
    from pipeline.testing.painted import paint  # noqa: PLC0415
    from pipeline.window import Window  # noqa: PLC0415

    def write(name: str, *, height: int, width: int, seed: int = 1001) -> Path:
        window = Window(0, 0, height, width)
        pixels, _ = paint(window, seed=seed)
        path = tmp_path / name
        transform = (0.5, 0.0, 500_000.0, 0.0, -0.5, 5_000_000.0)
        made = raster.create(
            str(path), height=height, width=width, bands=3, crs="EPSG:32633", transform=transform
        )
        with made as target:
            target.write(pixels, window)
        return path

    return write
