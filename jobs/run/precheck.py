"""What can be said of a run before it starts: an area that misses its scenes, a ground size finer than their pixels."""

import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from pipeline import raster
from pipeline.config import Reading
from pipeline.errors import ConfigError, RasterError
from pipeline.geometry.scene import Scene
from pipeline.geometry.view import View
from pipeline.sources import SceneList
from pipeline.sources.naming import Refusal

FEW = 16
LOOKS_S = 20.0
MISSED = "aoi does not touch any scene: is it in longitude and latitude, in this order?"


def warnings_ahead(scenes: SceneList, reading: Reading) -> list[str]:
    """Return warnings of the first scenes of a list, by their headers alone; none where nothing is asked of them.

    Raises ConfigError where there are few scenes, and the area of interest misses each of them.
    """
    if reading.aoi is None and reading.gsd_m is None:
        return []
    entries = list(islice(scenes, FEW + 1))
    views = list(_views(entries[:FEW], reading))
    if len(views) == len(entries) and all(misses(view, reading) for view in views):
        raise ConfigError(f"{MISSED} None of the {len(views)} would have a window, and nothing was started")
    sized = [
        (view.uris[0], view.header.height * view.header.width, raster.upsampling(view.base)) for view in views
    ]
    return finer_than(sized, reading)


def misses(view: View, reading: Reading) -> bool:
    """Tell whether nothing of a scene is in the area of interest."""
    outline = raster.outlined(view, reading)
    side_px = max(view.header.height, view.header.width)
    return outline is not None and next(raster.windows_of(view, outline, window_px=side_px), None) is None


def finer_than(scenes: Sequence[tuple[str, int, float]], reading: Reading) -> list[str]:
    """Warn of a ground size that is finer than pixels, which shows no more and is computed all the same.

    Scenes are named, with their pixels at that size and how many of these lie along the side of a stored one.
    """
    finer = [each for each in scenes if each[2] > 1]
    if not finer:
        return []
    name, pixels, times = max(finer, key=lambda each: each[2])
    warning = (
        f"gsd {reading.gsd_m:g} m is finer than the pixels of {len(finer)} of {len(scenes)} scenes, at most "
        f"{times:.3g} times a side ({name}, then of {pixels / 1e6:.1f} Mpx): no detail is gained by it"
    )
    return [warning]


def _views(entries: Iterable[Scene | Refusal], reading: Reading) -> Iterator[View]:
    """Describe scenes for a while; one that cannot be read will be a failure of the run."""
    until_s = time.monotonic() + LOOKS_S
    for entry in entries:
        if isinstance(entry, Refusal) or time.monotonic() > until_s:
            continue
        try:
            view = raster.describe(entry, reading)
            raster.outlined(view, reading)
        except RasterError:
            continue
        yield view
