"""The door to xarray: a scene's mask store as a tree of arrays that are read when they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.errors import StoreError
from pipeline.output import SceneOutput
from pipeline.store.zarr_stores import store_at

if TYPE_CHECKING:  # whoever writes stores needs none of it
    import xarray


def open_tree(scene: SceneOutput) -> xarray.DataTree:
    """Return a scene's mask store as it is: a node for each of its groups, with arrays of dask, a chunk of each a task.

    Node ``0`` has ``class`` (y, x), the class id of each pixel, ``1`` and so on the same in ever fewer pixels, where
    there are overviews; ``score`` and ``margin`` (y, x) are in ``0`` or, where they are of places, in ``places``. They
    keep their dtype, with the ``nodata`` that their attributes say; those of ``class`` say what its ids are called
    (``flag_values``, ``flag_meanings``, ``class_names``) and how they are painted (``flag_colors``). The coordinate
    ``spatial_ref`` has the CRS.

    Raises:
        StoreError: there is no store, or xarray is not installed.
    """
    try:
        import xarray  # noqa: PLC0415 - see above
    except ImportError as error:
        raise StoreError("a tree needs xarray: pip install 'mrovseg[export]'") from error
    try:
        return xarray.open_datatree(
            store_at(scene.masks, read_only=True),  # type: ignore[arg-type]  # stores of Zarr are taken too
            engine="zarr",
            chunks={},
            mask_and_scale=False,
            decode_coords="all",
        )
    except FileNotFoundError as error:
        raise StoreError(
            f"{scene.masks} is no mask store: {scene.output} has none of the scene {scene.scene_id}"
        ) from error
