"""ome-zarr: the store as the labels of an image, with levels, colours and properties."""

import zarr
from ome_zarr import OMEZarrLabels

from tests.clients.readers.answering import Answer, Asked, digest


def read(asked: Asked) -> Answer:
    labels = OMEZarrLabels.from_ome_zarr(zarr.open_group(asked.store, mode="r"))
    finest = labels.images[0]
    drawn = {each.label_value: list(each.rgba) for each in labels.image_label.colors}
    named = {each.label_value: each.model_dump()["class"] for each in labels.image_label.properties}
    return {
        "name": labels.name,
        "axes": list(finest.axes),
        "units": [(finest.axes_units or {}).get(axis) for axis in finest.axes],
        "scales": [[level.scale[axis] for axis in level.axes] for level in labels.images],
        "shapes": [list(level.data.shape) for level in labels.images],
        "dtype": finest.data.dtype.name,
        "digests": [digest(level.data.compute()) for level in labels.images],
        "rgba": [drawn[id_] for id_ in sorted(drawn)],
        "class of label": [named[id_] for id_ in sorted(named)],
    }
