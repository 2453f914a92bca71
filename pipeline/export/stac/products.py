"""What other exports made in the same folder, by their records there and by its files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import PurePosixPath

from pipeline.errors import PipelineError
from pipeline.export.exporting import RECORDS, Exported
from pipeline.storage import objects
from pipeline.storage.documents import json_of
from pipeline.storage.location import Location

_READERS = 16  # a read is one round trip to the storage and almost no work
COLLECTION = "collection.json"
COG = "image/tiff; application=geotiff; profile=cloud-optimized"
PARQUET = "application/vnd.apache.parquet"
ZARR = "application/vnd.zarr; version=3; profile=multiscales"
_MEDIA_TYPES = {
    ".tif": COG,
    ".parquet": PARQUET,
    ".gpkg": "application/geopackage+sqlite3",
    ".fgb": "application/vnd.flatgeobuf",
    ".pmtiles": "application/vnd.pmtiles",
    ".geojson": "application/geo+json",
    ".zarr": ZARR,
    ".xml": "application/xml",
    ".qml": "application/xml",
    ".vrt": "application/xml",
    ".json": "application/json",
}
_NO_DATA_THEMSELVES = (".xml", ".qml")


@dataclass(frozen=True, slots=True)
class Product:
    """A file of a format: its name below the folder, and its size, None where it is not known."""

    format: str
    name: str
    size_bytes: int | None = None

    @property
    def media_type(self) -> str | None:
        """Its media type, None where it has none that is known."""
        return _MEDIA_TYPES.get(PurePosixPath(self.name).suffix)

    @property
    def role(self) -> str:
        """What it is of use for."""
        return "metadata" if PurePosixPath(self.name).suffix in _NO_DATA_THEMSELVES else "data"

    def key(self, scene_id: str = "") -> str:
        """Return the key of its asset, which is the same for all scenes.

        >>> Product("cog", "a-score.tif").key("a")
        'cog-score-tif'
        """
        rest = self.name.removeprefix(scene_id).replace("/", "-").replace(".", "-")
        return f"{self.format}-{rest.lstrip('-')}" if self.format else rest


def products_of_scenes(
    exported: Sequence[Exported], folder: Location, *, but: str
) -> dict[str, list[Product]]:
    """Return what all formats ``but`` one have made of the state that the scenes are in now, by scene id.

    Raises:
        PipelineError: the storage refused.
    """
    formats = [each for each in objects.list_folders(folder.join(RECORDS)) if each != but]

    def made(scene: Exported) -> list[Product]:
        return [product for each in formats for product in _of_record(folder, each, scene)]

    with ThreadPoolExecutor(_READERS) as readers:
        return dict(zip((each.scene_id for each in exported), readers.map(made, exported), strict=True))


def products_of_all(folder: Location) -> list[Product]:
    """Return the files in a folder that are of all scenes together, by name; known by their media types.

    Raises:
        PipelineError: the storage refused.
    """
    formats = objects.list_folders(folder.join(RECORDS))
    records = {name for each in formats for name in objects.list_names(folder.join(RECORDS, each))}
    of_one = tuple(f"{name.removesuffix('.json')}{mark}" for name in sorted(records) for mark in ".-")
    found = (Product("", name) for name in objects.list_names(folder) if not name.startswith(of_one))
    return [each for each in found if each.media_type is not None and each.name != COLLECTION]


def href(uri: str, *, base: Location) -> str:
    """Return how an object in the folder ``base`` names one at a uri: relative where both are on this machine.

    >>> href("/data/out/scenes/a/masks.zarr", base=Location("/data/stac/items"))
    '../../out/scenes/a/masks.zarr'
    """
    if objects.is_remote(uri) or objects.is_remote(base.uri):
        return uri
    return os.path.relpath(objects.local_path(uri), objects.local_path(base.uri))


def _of_record(folder: Location, name: str, scene: Exported) -> Iterator[Product]:
    try:
        record = json_of(objects.get_document(folder.join(RECORDS, name, f"{scene.scene_id}.json")))
    except FileNotFoundError:
        return
    except ValueError as error:
        raise PipelineError(f"a record of {name} in {folder} is damaged: export as {name} again") from error
    if record["source"] == scene.source:
        yield from (Product(name, file, size) for file, size in sorted(record["files"].items()))
