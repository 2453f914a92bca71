"""zarr: arrays and their attributes, levels as the conventions list them, with consolidated metadata and without."""

from typing import Any

import zarr

from tests.clients.readers.answering import Answer, Asked, digest


def read(asked: Asked) -> Answer:
    consolidated, plain = (_read(asked.store, consolidated=each) for each in (True, False))
    if consolidated != plain:
        raise ValueError(f"two opinions of one store: {consolidated} and {plain}")
    return plain


def _read(store: str, *, consolidated: bool) -> Answer:
    root: Any = zarr.open_group(store, mode="r", use_consolidated=consolidated)  # nodes and JSON of any kind
    layout = root.attrs["multiscales"]["layout"]
    levels = [root[f"{level['asset']}/class"] for level in layout]
    said = levels[0].attrs
    return {
        "crs": said.get("proj:code"),
        "transforms": [list(level.attrs["spatial:transform"]) for level in levels],
        "nodata": int(levels[0].fill_value),
        "names": said["class_names"],
        "words": said["flag_meanings"].split(),
        "colors": said["flag_colors"].split(),
        "dtype": levels[0].dtype.name,
        "shapes": [level["spatial:shape"] for level in layout],
        "digests": [digest(level[:]) for level in levels],
    }
