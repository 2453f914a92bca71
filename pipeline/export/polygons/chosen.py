"""The regions of a scene that an export is of, and how they are drawn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Protocol, runtime_checkable

from pipeline.errors import ConfigError, PipelineError
from pipeline.export.polygons.regions import ClassMap, Region, regions_of
from pipeline.export.polygons.table import Drawing, Origin, OriginOf, Placing
from pipeline.export.scenes import ExportScene
from pipeline.geometry.areas import ground_size_m, has_areas, ring_areas_m2
from pipeline.geometry.transform import to_crs


def check_number(name: str, value: float) -> None:
    """Check that an option has a number from 0 on.

    Raises:
        ConfigError: it has not.
    """
    if not 0 <= value < float("inf"):
        raise ConfigError(f"--{name.replace('_', '-')} takes a number from 0 on, got {value!r}")


@runtime_checkable
class ChosenMap(ClassMap, Protocol):
    """A class map of which some classes are chosen, see ``ExportScene``, which is one."""

    @property
    def scene_id(self) -> str:
        """What messages name it by."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of all classes by class id."""

    @property
    def colors(self) -> tuple[str, ...]:
        """Their colours, "#rrggbb"."""

    @property
    def chosen(self) -> tuple[int, ...]:
        """The ids of the chosen classes, sorted."""


@contextmanager
def chosen_regions(scene: ChosenMap, *, min_area_m2: float, simplify_m: float) -> Iterator[Iterator[Region]]:
    """Yield the regions of the chosen classes, of ``min_area_m2`` at least as their pixels have it; 0 is all.

    Vertices that matter less than ``simplify_m`` are gone; 0 is none.

    Raises:
        PipelineError: the scene cannot be read, or has no size on the ground where one is needed.
    """
    tolerance_px = None
    if simplify_m:
        size_m = ground_size_m(scene.header)
        if size_m is None:
            raise _without_size(scene, "--simplify-m")
        tolerance_px = simplify_m / size_m
    if min_area_m2 and not has_areas(scene.header):
        raise _without_size(scene, "--min-area-m2")
    with regions_of(scene, tolerance_px=tolerance_px) as regions:
        yield (
            region
            for region in regions
            if region.class_id in scene.chosen and (region.area_m2 or 0.0) >= min_area_m2
        )


def drawing_of(
    scene: ChosenMap, *, origin_of: OriginOf, simplify_m: float, place: Placing | None = None
) -> Drawing:
    """Return how the regions of a scene become rows, in its own reference system where no other ``place`` is given."""
    a, b, _, d, e, _ = scene.header.transform
    return Drawing(
        origin_of=origin_of,
        classes=scene.classes,
        colors=scene.colors,
        place=place or (lambda rows, cols: to_crs(scene.header.transform, rows=rows, cols=cols)),
        mirrored=a * e - b * d < 0,
        areas_m2=partial(ring_areas_m2, scene.header) if simplify_m else None,
    )


def origin_in(scene: ExportScene) -> OriginOf:
    """Return that all regions are of one scene."""
    origin = Origin(scene.scene_id, scene.store.datetime)

    def origin_of(region: Region) -> Origin:
        del region
        return origin

    return origin_of


def _without_size(scene: ChosenMap, option: str) -> PipelineError:
    return PipelineError(
        f"{option} is in metres, and {scene.scene_id} states no reference system with a size on the ground: export it "
        "without"
    )
