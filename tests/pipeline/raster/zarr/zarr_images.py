"""OME-Zarr images and plain arrays, written by zarr itself as their specifications have it."""

from pathlib import Path
from typing import Any

import numpy as np
import zarr


def levels(pixels: np.ndarray, count: int) -> list[np.ndarray]:
    """(c, y, x) and its halves, as means."""
    found = [pixels]
    for _ in range(count - 1):
        last = found[-1].astype(np.float64)
        last = last[:, : last.shape[1] // 2 * 2, : last.shape[2] // 2 * 2]
        halves = last.reshape(len(last), last.shape[1] // 2, 2, last.shape[2] // 2, 2).mean(axis=(2, 4))
        found.append(halves.astype(pixels.dtype))
    return found


def ome(  # noqa: PLR0913 - each by its name
    path: Path,
    pixels: np.ndarray,
    *,
    version: str = "0.5",
    axes: str = "cyx",
    count: int = 1,
    unit: str | None = None,
    side: float = 1.0,
    channels: list[dict[str, Any]] | None = None,
    **options: Any,  # noqa: ANN401 - zarr's
) -> str:
    """Write (c, y, x) as an image of ``axes``: v2 with 0.4's attributes, v3 with 0.5's."""
    root = zarr.create_group(str(path), zarr_format=2 if version == "0.4" else 3)
    datasets = []
    for place, level in enumerate(levels(pixels, count)):
        order = [axis for axis in axes if axis in "cyx"]
        stored = (level if "c" in axes else level[0]).transpose(
            ["cyx".index(a) - ("c" not in axes) for a in order]
        )
        stored = stored.reshape([1 if a not in "cyx" else stored.shape[order.index(a)] for a in axes])
        chunk = [{"y": 64, "x": 64, "c": 2}.get(axis, 1) for axis in axes]
        array = root.create_array(
            str(place), shape=stored.shape, dtype=stored.dtype, **{"chunks": chunk} | options
        )
        array[...] = stored
        scale = [side * 2**place if axis in "yx" else 1.0 for axis in axes]
        datasets.append(
            {"path": str(place), "coordinateTransformations": [{"type": "scale", "scale": scale}]}
        )
    kinds = {"c": "channel", "t": "time"}
    described = [
        {"name": axis, "type": kinds.get(axis, "space")} | ({"unit": unit} if unit and axis in "zyx" else {})
        for axis in axes
    ]
    said: dict[str, Any] = {"multiscales": [{"axes": described, "datasets": datasets}]}
    if channels:
        said["omero"] = {"channels": channels}
    if version == "0.4":
        said["multiscales"][0]["version"] = "0.4"
        root.attrs.update(said)
    else:
        root.attrs["ome"] = {"version": "0.5", **said}
    return str(path)


def plain(path: Path, pixels: np.ndarray, names: list[str] | None, **options: Any) -> str:  # noqa: ANN401 - zarr's
    """Write one array, of v3 unless ``zarr_format`` says otherwise."""
    array = zarr.create_array(
        str(path), shape=pixels.shape, dtype=pixels.dtype, dimension_names=names, chunks=options.pop("chunks", "auto"),
        **options,
    )  # fmt: skip
    array[...] = pixels
    return str(path)
