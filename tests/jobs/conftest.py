"""Scenes for the jobs."""

from collections.abc import Callable
from pathlib import Path

import pytest

PaintScene = Callable[..., Path]


@pytest.fixture
def paint_scene(tmp_path: Path) -> PaintScene:
    """Make a function that writes a painted, georeferenced scene into the test's folder."""
    from pipeline.testing import painted  # noqa: PLC0415 - no package of the project at top, see tests/conftest.py

    def write(name: str, *, height: int, width: int) -> Path:
        painted.paint_scene(tmp_path / name, height=height, width=width, seed=1001)
        return tmp_path / name

    return write
