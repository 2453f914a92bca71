"""Coordinates beside an array of Zarr: the centres of its rows and columns, and the transform that they make."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float64

from pipeline.errors import RasterError
from pipeline.raster.gdal.door import Affine
from pipeline.raster.zarr.arrays import array_of
from pipeline.raster.zarr.nodes import Node, node_at

_COORDINATE_BYTES = 2**27
_EVEN_PX = 0.01  # as far as a coordinate may be from where an even spacing has it
_SAME = 1e-6  # steps that differ by less, relatively, are one
_NAMES = {"lon": "x", "longitude": "x", "lat": "y", "latitude": "y"}


class Axis(NamedTuple):
    """The centre of the first pixel along an axis, the step to the next, and how far rounding may have them off.

    A single pixel has no step. ``counted`` are numbers of pixels from 0 instead of positions.
    """

    name: str
    first: float
    step: float | None
    off: float
    counted: bool


def axes_beside(node: Node) -> dict[str, Axis]:
    """Return the axes, x and y, of which there are coordinates beside an array.

    Raises:
        RasterError: they are not evenly spaced.
    """
    names = node.metadata.get("dimension_names") or node.attributes.get("_ARRAY_DIMENSIONS") or ()
    found = {}
    for name, length in zip(names, node.shape, strict=False):
        try:
            coordinate = node_at(node.beside(str(name)))
        except RasterError:
            continue
        if coordinate.kind == "array" and coordinate.shape == (length,):
            said = str(coordinate.attributes.get("axis", "")).lower()
            axis = said or _NAMES.get(str(name).lower(), str(name).lower())
            if axis in ("x", "y"):
                found[axis] = _axis(coordinate)
    return found


def _axis(coordinate: Node) -> Axis:
    """Read coordinates, packed as CF has it or not, and lay a line through them."""
    stored = np.asarray(array_of(coordinate, limit_bytes=_COORDINATE_BYTES)[:])
    scale, offset = (
        float(coordinate.attributes.get(key, default))
        for key, default in (("scale_factor", 1), ("add_offset", 0))
    )
    values = stored.astype(np.float64) * scale + offset
    off = float(np.spacing(np.abs(stored).max()) * abs(scale)) if stored.dtype.kind == "f" else 0.0
    if len(values) == 1:
        return Axis(coordinate.uri, float(values[0]), None, off, counted=values[0] in (0.0, 0.5))
    first, step = _line(values, exact=stored.dtype.itemsize >= values.itemsize or stored.dtype.kind != "f")
    apart = np.abs(values - (first + step * np.arange(len(values)))).max()
    if not step or not apart <= max(_EVEN_PX * abs(step), off):
        raise RasterError(
            f"{coordinate.uri} has coordinates that are not evenly spaced, so that no transform has its pixels"
        )
    return Axis(coordinate.uri, first, step, off, counted=step == 1.0 and first in (0.0, 0.5))


def _line(values: Float64[np.ndarray, "n"], *, exact: bool) -> tuple[float, float]:
    """Return first value and step: by both ends, or where each is rounded by all of them, which is finer."""
    if exact:
        return float(values[0]), float((values[-1] - values[0]) / (len(values) - 1))
    steps = np.arange(len(values)) - (len(values) - 1) / 2
    step = float((steps * (values - values.mean())).sum() / (steps**2).sum())
    return float(values.mean() + step * steps[0]), step


def by_coordinates(axes: Mapping[str, Axis], stated: Any) -> tuple[Any, tuple[str, ...]]:  # noqa: ANN401 - rasterio has no types
    """Return the transform of coordinates, None where they make none, and what the user is to be told of it.

    A ``stated`` transform of the same steps tells more exactly where the pixels are that coordinates name; one of
    other steps is that of another array. What is turned has no coordinates of its own.

    Raises:
        RasterError: coordinates are rounded so much that they do not tell pixels apart.
    """
    if stated is not None and (stated.b or stated.d or any(axis.counted for axis in axes.values())):
        return stated, ()
    of_transform = {} if stated is None else {"x": (stated.c, stated.a), "y": (stated.f, stated.e)}
    lines = {name: _begins(axes.get(name), of_transform.get(name)) for name in ("x", "y")}
    warnings = []
    for name, other in (("x", "y"), ("y", "x")):
        axis, across = axes.get(name), lines[other]
        if axis is not None and lines[name] is None and across is not None:
            step = _like(across[1], of_transform.get(other), of_transform.get(name), down=name == "y")
            lines[name] = (axis.first - step / 2, step)
            warnings.append(
                f"{axis.name} has one value, so that its pixels are taken to be as long as those across"
            )
    if lines["x"] is None or lines["y"] is None:
        return None, ()
    if any(axes.get(name) and not _on_grid(lines[name], of_transform.get(name)) for name in ("x", "y")):
        warnings.append(
            "its coordinates are not on the grid of the transform that it states, and are taken for right"
        )
    (left, wide), (top, high) = lines["x"], lines["y"]
    return Affine(wide, 0.0, left, 0.0, high, top), tuple(warnings)


def _begins(axis: Axis | None, of_transform: tuple[float, float] | None) -> tuple[float, float] | None:
    """Return where the first pixel begins and how long each is; None where that is not known of this axis alone."""
    if axis is None:
        return of_transform
    if of_transform is not None:
        begin, step = of_transform
        shift = (axis.first - step / 2 - begin) / step
        near = abs(shift - round(shift)) <= _EVEN_PX + axis.off / abs(step)
        same = axis.step is None or abs(axis.step - step) <= _SAME * abs(step) + axis.off
        if near and same and (axis.off < abs(step) / 4 or round(shift) == 0):
            return begin + round(shift) * step, step
    if axis.step is None:
        return None
    if axis.off > abs(axis.step) / 4:
        raise RasterError(
            f"{axis.name} has coordinates that are rounded to {axis.off:g}, too coarse for pixels of "
            f"{abs(axis.step):g}: write them in float64"
        )
    return axis.first - axis.step / 2, axis.step


def _on_grid(line: tuple[float, float] | None, of_transform: tuple[float, float] | None) -> bool:
    if line is None or of_transform is None:
        return True
    shift = (line[0] - of_transform[0]) / of_transform[1]
    return line[1] == of_transform[1] and abs(shift - round(shift)) <= _EVEN_PX


def _like(
    across: float,
    of_transform_across: tuple[float, float] | None,
    of_transform: tuple[float, float] | None,
    *,
    down: bool,
) -> float:
    """Return the length of the only pixel of an axis: that of those across, in the proportion that was stated."""
    if of_transform is not None and of_transform_across is not None:
        return of_transform[1] * across / of_transform_across[1]
    return -abs(across) if down else abs(across)
