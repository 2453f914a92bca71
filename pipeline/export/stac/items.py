"""The Item of a scene."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pystac
from pystac.extensions.classification import ClassificationExtension
from pystac.extensions.file import FileExtension
from pystac.extensions.projection import ProjectionExtension

from pipeline.dates import span_of
from pipeline.export.exporting import Exported
from pipeline.export.stac.classes import classifications
from pipeline.export.stac.facts import SceneFacts
from pipeline.export.stac.places import BBox, bbox_of, box
from pipeline.export.stac.products import COLLECTION, PARQUET, ZARR, Product, href
from pipeline.export.stac.run import RunFacts
from pipeline.segment import SCORE_MAX
from pipeline.storage.location import Location

ITEMS, MASKS_TITLE = "items", "Class, score and margin, as Zarr"
RASTER = "https://stac-extensions.github.io/raster/v2.0.0/schema.json"
PROCESSING = "https://stac-extensions.github.io/processing/v1.2.0/schema.json"

UNDATED = datetime(1900, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
"""The span of a scene whose date nobody knows: STAC wants one, so it is one that says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemSource:
    """What an Item is made of: the scene, what of it is done, its outline if that is known, and its files."""

    scene: SceneFacts
    exported: Exported
    run: RunFacts
    footprint: Mapping[str, Any] | None
    products: Sequence[Product]

    @property
    def collection_id(self) -> str:
        """The id of the Collection: the name of the output."""
        return self.scene.output.rstrip("/").rpartition("/")[2] or "mrovseg"

    @property
    def geometry(self) -> Mapping[str, Any] | None:
        """The outline of its valid pixels, else the box of its grid; None where it has no place on earth."""
        if self.footprint is not None or self.scene.bbox is None:
            return self.footprint
        return box(self.scene.bbox)

    @property
    def bbox(self) -> BBox | None:
        """The box of its geometry."""
        if self.geometry is None or self.scene.bbox is None:
            return None
        return bbox_of(self.geometry, grid=self.scene.bbox)


def item_of(source: ItemSource, folder: Location) -> dict[str, Any]:
    """Return the Item of a scene, which is to be an object in ``ITEMS`` below ``folder``."""
    scene, bbox = source.scene, source.bbox
    first, last = span(scene)
    item = pystac.Item(
        id=scene.scene_id,
        geometry=None if source.geometry is None else dict(source.geometry),
        bbox=None if bbox is None else list(bbox),
        datetime=first if first == last else None,
        start_datetime=None if first == last else first,
        end_datetime=None if first == last else last,
        properties=_properties(source),
        stac_extensions=[RASTER, PROCESSING],
    )
    item.collection_id = source.collection_id
    _add_projection(item, scene)
    _add_links(item, scene)
    _add_assets(item, source, folder)
    found: dict[str, Any] = item.to_dict(include_self_link=False, transform_hrefs=False)
    return found


def span(scene: SceneFacts) -> tuple[datetime, datetime]:
    """Return the first and last moment of a scene, ``UNDATED`` where they are not known."""
    return span_of(scene.datetime) or UNDATED


def _properties(source: ItemSource) -> dict[str, Any]:
    done, missing, scene = source.exported.windows_done, source.exported.windows_missing, source.scene
    windows = "some windows" if missing is None else f"{done} of {done + missing} windows"
    found = {
        "processing:level": "L4",
        "processing:lineage": f"{source.run.sentence()}; {windows} done",
        "processing:software": {} if source.run.version is None else {"mrovseg": source.run.version},
        "mrovseg:run": scene.run,
        "mrovseg:model": scene.model,
        "mrovseg:dated": span_of(scene.datetime) is not None,
        "mrovseg:windows_done": done,
        "mrovseg:windows_missing": missing,
        "mrovseg:complete": missing == 0,
    }
    return {name: value for name, value in found.items() if value != {}}


def _add_projection(item: pystac.Item, scene: SceneFacts) -> None:
    """Say where the grid lies; of a scene without a reference system its shape and transform alone."""
    projection = ProjectionExtension.ext(item, add_if_missing=True)
    projection.shape, projection.transform = scene.grid["shape"], scene.grid["transform"]
    item.properties.update(scene.crs)
    if scene.crs:
        projection.bbox = scene.grid["bbox"]
    else:
        item.properties["proj:code"] = None  # the extension's word for an unknown one


def _add_links(item: pystac.Item, scene: SceneFacts) -> None:
    collection = f"../{COLLECTION}"
    for rel in ("root", "parent", "collection"):
        item.add_link(pystac.Link(rel, collection, pystac.MediaType.JSON))
    if scene.uri is not None:
        item.add_link(pystac.Link("derived_from", scene.uri, title="The scene that was segmented"))


def _add_assets(item: pystac.Item, source: ItemSource, folder: Location) -> None:
    scene, here = source.scene, folder.join(ITEMS)
    masks = pystac.Asset(
        href(scene.masks, base=here),
        title=MASKS_TITLE,
        media_type=ZARR,
        roles=["data"],
        extra_fields={"bands": [_class_band(scene), _score_band("score"), _score_band("margin")]},
    )
    item.add_asset("masks", masks)
    ClassificationExtension.ext(masks, add_if_missing=True).classes = classifications(scene)
    if scene.statistics is not None:
        item.add_asset(
            "statistics",
            pystac.Asset(
                href(scene.statistics, base=here),
                title="By window and class",
                media_type=PARQUET,
                roles=["metadata"],
            ),
        )
    for product in source.products:
        _add_product(item, product, scene)


def _add_product(item: pystac.Item, product: Product, scene: SceneFacts) -> None:
    asset = pystac.Asset(f"../{product.name}", media_type=product.media_type, roles=[product.role])
    item.add_asset(product.key(scene.scene_id), asset)
    FileExtension.ext(asset, add_if_missing=True).size = product.size_bytes
    if product.format != "cog":
        return
    if product.name == f"{scene.scene_id}.tif":
        asset.title, asset.extra_fields["bands"] = "Class, as a GeoTIFF", [_class_band(scene)]
        ClassificationExtension.ext(asset).classes = classifications(scene)
    elif product.name == f"{scene.scene_id}-score.tif":
        asset.title, asset.extra_fields["bands"] = "Score, as a GeoTIFF", [_score_band("score")]


def _class_band(scene: SceneFacts) -> dict[str, Any]:
    found = {"name": "class", "data_type": scene.dtype, "nodata": scene.nodata}
    return found if scene.pixel_m is None else {**found, "raster:spatial_resolution": scene.pixel_m}


def _score_band(name: str) -> dict[str, Any]:
    return {"name": name, "data_type": "uint8", "nodata": 255, "raster:scale": 1 / SCORE_MAX}
