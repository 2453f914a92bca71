"""The Collection of an output."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pyarrow.parquet as pq
import pystac
from pystac.extensions.classification import ClassificationExtension
from pystac.extensions.table import Column, TableExtension

from pipeline.export.stac.classes import classifications
from pipeline.export.stac.facts import SceneFacts
from pipeline.export.stac.items import ITEMS, MASKS_TITLE, PROCESSING, UNDATED, ItemSource, span
from pipeline.export.stac.places import union
from pipeline.export.stac.products import COLLECTION, PARQUET, ZARR, href, products_of_all
from pipeline.export.stac.run import RunFacts
from pipeline.output import Output
from pipeline.storage import objects
from pipeline.storage.location import Location

MLM = "https://stac-extensions.github.io/mlm/v1.5.2/schema.json"


def collection_of(sources: Sequence[ItemSource], *, output: Output, folder: Location) -> dict[str, Any]:
    """Return the Collection of Items, which is to be the object ``COLLECTION`` in ``folder``.

    Raises:
        PipelineError: the storage refused.
    """
    run, first = sources[0].run, sources[0].scene
    names = [first.names[class_id] for class_id in first.shown if class_id]
    collection = pystac.Collection(
        id=sources[0].collection_id,
        title=f"Masks of {', '.join(names)}",
        description=f"Scenes {run.sentence()}. Classes: {', '.join(names)}.",
        extent=_extent(sources),
        license="other",
        providers=_providers(run),
        stac_extensions=[PROCESSING, MLM],
    )
    _add_network(collection, sources[0])
    _add_item_assets(collection, first)
    collection.add_link(pystac.Link("root", f"./{COLLECTION}", pystac.MediaType.JSON))
    for source in sources:
        target = f"./{ITEMS}/{source.scene.scene_id}.json"
        collection.add_link(
            pystac.Link("item", target, pystac.MediaType.GEOJSON, title=source.scene.scene_id)
        )
    _add_assets(collection, output, folder)
    found: dict[str, Any] = collection.to_dict(include_self_link=False, transform_hrefs=False)
    return found


def _extent(sources: Sequence[ItemSource]) -> pystac.Extent:
    boxes = [source.bbox for source in sources if source.bbox is not None]
    spans = [span(source.scene) for source in sources]
    dated = [each for each in spans if each != UNDATED] or [UNDATED]
    interval: list[datetime | None] = [min(each[0] for each in dated), max(each[1] for each in dated)]
    return pystac.Extent(pystac.SpatialExtent([list(union(boxes))]), pystac.TemporalExtent([interval]))


def _providers(run: RunFacts) -> list[pystac.Provider]:
    software = {} if run.version is None else {"processing:software": {"mrovseg": run.version}}
    fields: dict[str, Any] = {"processing:lineage": run.sentence(), **software}
    return [pystac.Provider("mrovseg", roles=[pystac.ProviderRole.PROCESSOR], extra_fields=fields)]


def _add_network(collection: pystac.Collection, source: ItemSource) -> None:
    """Say which network it was: each field as a JSON Schema, because MLM's own schema refuses lists of values."""
    known = {"digest": source.run.digest or source.scene.model, "threshold": source.run.threshold}
    said = {name: value for name, value in known.items() if value is not None}
    fields = {
        "mlm:name": source.run.checkpoint,
        "mlm:architecture": "MROVSeg",
        "mlm:tasks": ["semantic-segmentation"],
        "mlm:hyperparameters": said or None,
    }
    for name, value in fields.items():
        if value is not None:
            collection.summaries.add(name, {"const": value})


def _add_item_assets(collection: pystac.Collection, scene: SceneFacts) -> None:
    """Say what is the same in all Items: the classes of their masks."""
    masks = pystac.ItemAssetDefinition.create(
        title=MASKS_TITLE, description=None, media_type=ZARR, roles=["data"]
    )
    collection.item_assets = {"masks": masks}
    ClassificationExtension.ext(
        collection.item_assets["masks"], add_if_missing=True
    ).classes = classifications(scene)


def _add_assets(collection: pystac.Collection, output: Output, folder: Location) -> None:
    for name, table, title in (
        ("items", output.items, "A row for each scene, as STAC Items"),
        ("summary", output.summary, "A row for each class of each scene"),
        ("failures", output.failures, "What failed"),
    ):
        if objects.exists(table):
            asset = pystac.Asset(
                href(table.uri, base=folder), title=title, media_type=PARQUET, roles=["metadata"]
            )
            _add_table(collection, name, asset, table)
    for product in products_of_all(folder):
        asset = pystac.Asset(f"./{product.name}", media_type=product.media_type, roles=[product.role])
        if product.media_type == PARQUET:
            _add_table(collection, product.key(), asset, folder.join(product.name))
        else:
            collection.add_asset(product.key(), asset)


def _add_table(collection: pystac.Collection, key: str, asset: pystac.Asset, table: Location) -> None:
    """Add a table, and say which columns it has."""
    collection.add_asset(key, asset)
    with objects.opened_object(table) as file:
        found = pq.ParquetFile(file)
        columns = [Column({"name": each.name, "type": str(each.type)}) for each in found.schema_arrow]
        rows = found.metadata.num_rows
    said = TableExtension.ext(asset, add_if_missing=True)
    said.columns, said.row_count = columns, rows
