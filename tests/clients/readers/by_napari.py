"""napari: the layer that its reader of OME-Zarr makes, without a window."""

from napari_ome_zarr import napari_get_reader

from tests.clients.readers.answering import Answer, Asked, digest


def read(asked: Asked) -> Answer:
    [(levels, shown, kind)] = napari_get_reader(asked.store)()
    drawn = shown["colormap"]
    named = shown["features"].set_index("label_value")["class"].to_dict()
    return {
        "kind": kind,
        "name": shown["name"],
        "axes": list(shown["axis_labels"]),
        "units": list(shown["units"]) if "units" in shown else None,
        "scale": [float(side) for side in shown["scale"]],
        "shapes": [list(level.shape) for level in levels],
        "dtype": levels[0].dtype.name,
        "digests": [digest(level.compute()) for level in levels],
        "rgba": [[round(255 * part) for part in drawn[id_]] for id_ in sorted(drawn)],
        "class of label": [named[id_] for id_ in sorted(named)],
    }
