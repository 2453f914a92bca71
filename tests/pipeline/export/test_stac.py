"""A Collection of scenes as pystac and the schemas of STAC and its extensions take it, without a network."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pystac
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from pystac.errors import STACValidationError
from pystac.extensions.classification import ClassificationExtension
from pystac.extensions.projection import ProjectionExtension
from pystac.extensions.table import TableExtension

from pipeline.export.cog import Cog
from pipeline.export.stac import Stac
from pipeline.export.stac.classes import slugs
from pipeline.export.stac.places import bbox_of, box, union
from pipeline.output import Output
from pipeline.storage import objects
from pipeline.storage.location import Location
from tests.pipeline.export.placed_scenes import NAMES, PLACES, blocks, export_scenes, make_placed, opened
from tests.pipeline.export.stac_schemas import validate
from tests.pipeline.made_outputs import output_at

DATES = {"utm": "2024-05-31T10:20:30Z", "degrees": "2024-06-01/2024-06-30", "mercator": "last May"}
RUN = {
    "config": {"checkpoint": "/models/best.safetensors"},
    "model": {"digest": "c" * 64, "threshold": 0.2},
    "versions": {"mrovseg": "0.1.0"},
}


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Output:
    """A scene in each kind of place, one of which is not finished, with a record and a table of what they are."""
    output = output_at(tmp_path_factory.mktemp("made") / "out")
    for place in PLACES:
        done = {(0, 0)} if place == "degrees" else None
        make_placed(output, place, blocks(), place, datetime=DATES.get(place), done=done)
    Path(output.run.uri).write_text(json.dumps(RUN))
    triangle = pa.array([shapely.to_wkb(shapely.Polygon([(0, 0), (1, 0), (0, 2)]))], pa.binary())
    pq.write_table(pa.table({"id": ["utm"], "geometry": triangle}), output.items.uri)
    return output


@pytest.fixture(scope="module")
def folder(output: Output, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """GeoTIFFs of two scenes, then all as STAC."""
    folder = tmp_path_factory.mktemp("exported") / "exports"
    export_scenes(output, folder, "utm", "rotated", exporter=Cog(scores=True))
    export_scenes(output, folder, *PLACES, exporter=Stac())
    return folder


def _documents(folder: Path) -> dict[str, dict[str, Any]]:
    paths = [folder / "collection.json", *sorted((folder / "items").iterdir())]
    return {path.stem: json.loads(path.read_bytes()) for path in paths}


def test_all_documents_are_valid_by_the_core(folder: Path) -> None:
    documents = _documents(folder)
    assert list(documents) == ["collection", *sorted(PLACES)]
    for document in documents.values():
        kind = "item" if document["type"] == "Feature" else "collection"
        assert validate(document) == [
            f"https://schemas.stacspec.org/v1.1.0/{kind}-spec/json-schema/{kind}.json"
        ]
    with pytest.raises(STACValidationError, match="not valid under any of the given schemas"):
        validate({**documents["utm"], "properties": {}})


def test_all_documents_are_valid_by_their_extensions(folder: Path, shared_data: Path) -> None:
    schemas = shared_data / "schemas" / "stac"
    found = {uri for each in _documents(folder).values() for uri in validate(each, extensions=schemas)[1:]}
    names = {uri.removeprefix("https://stac-extensions.github.io/").partition("/")[0] for uri in found}
    assert names == {"projection", "raster", "classification", "processing", "file", "mlm", "table"}
    broken = _documents(folder)["utm"]
    del broken["assets"]["masks"]["classification:classes"][0]["value"]
    with pytest.raises(STACValidationError, match="classification"):
        validate(broken, extensions=schemas)


def test_pystac_walks_it_and_finds_every_file_and_what_was_stored(folder: Path, output: Output) -> None:
    collection = pystac.Collection.from_file(str(folder / "collection.json"))
    items = {item.id: item for item in collection.get_items()}
    assert sorted(items) == sorted(PLACES)
    for place, item in items.items():
        scene = opened(output, place)
        projection = ProjectionExtension.ext(item)
        assert projection.code == (scene.header.crs_wkt and PLACES[place][0])
        assert projection.shape == [600, 700]
        assert tuple((projection.transform or [])[:6]) == scene.header.transform
        classes = ClassificationExtension.ext(item.assets["masks"]).classes or []
        assert [each.title for each in classes] == ["other", *NAMES, "no data"]
        assert [each.value for each in classes] == [0, 1, 2, 3, 255]
        assert [f"#{each.color_hint}" for each in classes[:4]] == list(scene.colors)
        assert item.get_collection() is collection
        (source,) = item.get_links("derived_from")
        assert source.href == f"s3://scenes/{place}.tif"
        for asset in item.assets.values():
            assert Path(str(asset.get_absolute_href())).exists(), asset.href
    assert {"cog-tif", "cog-score-tif", "cog-qml"} <= items["utm"].assets.keys()
    assert items["mercator"].assets.keys() == {"masks"}
    assert "mosaic-gti-gpkg" in collection.assets
    table = TableExtension.ext(collection.assets["items"])
    assert [each.name for each in table.columns or []] == ["id", "geometry"]
    assert table.row_count == 1
    assert collection.providers is not None
    assert "the model best (digest ccc" in collection.providers[0].extra_fields["processing:lineage"]
    assert collection.summaries.get_schema("mlm:name") == {"const": "best"}
    hyperparameters = {"digest": "c" * 64, "threshold": 0.2}
    assert collection.summaries.get_schema("mlm:hyperparameters") == {"const": hyperparameters}
    common = ClassificationExtension.ext(collection.item_assets["masks"]).classes or []
    assert [each.title for each in common] == ["other", *NAMES, "no data"]


def test_where_and_when_scenes_are_is_said_as_far_as_it_is_known(folder: Path) -> None:
    items = _documents(folder)
    triangle = [[[0.0, 0.0], [1.0, 0.0], [0.0, 2.0], [0.0, 0.0]]]
    assert items["utm"]["geometry"] == {"type": "Polygon", "coordinates": triangle}  # of the table
    assert items["utm"]["bbox"] == [0, 0, 1, 2]
    assert items["degrees"]["bbox"] == pytest.approx([15.2, 45.04, 15.27, 45.1])  # of the grid
    assert (items["nowhere"]["geometry"], "bbox" in items["nowhere"]) == (None, False)
    said = {place: _span(items[place]["properties"]) for place in PLACES}
    assert said["utm"] == ("2024-05-31T10:20:30Z", None, None, True)
    assert said["degrees"] == (None, "2024-06-01T00:00:00Z", "2024-06-30T00:00:00Z", True)
    for place in ("mercator", "nowhere", "rotated"):
        assert said[place] == (None, "1900-01-01T00:00:00Z", "2100-01-01T00:00:00Z", False)
    extent = items["collection"]["extent"]
    assert extent["temporal"]["interval"] == [["2024-05-31T10:20:30Z", "2024-06-30T00:00:00Z"]]
    assert extent["spatial"]["bbox"][0][:2] == [0, 0]


def _span(properties: dict[str, Any]) -> tuple[Any, ...]:
    names = ("datetime", "start_datetime", "end_datetime", "mrovseg:dated")
    return tuple(properties.get(name) for name in names)


def test_what_is_missing_is_said(folder: Path) -> None:
    found = _documents(folder)["degrees"]["properties"]
    assert (found["mrovseg:windows_done"], found["mrovseg:windows_missing"]) == (1, 8)
    assert found["mrovseg:complete"] is False
    assert found["processing:lineage"].endswith("; 1 of 9 windows done")
    assert _documents(folder)["utm"]["properties"]["mrovseg:complete"] is True


def test_a_later_export_is_linked_and_one_of_an_earlier_state_is_not(tmp_path: Path) -> None:
    output, folder = output_at(tmp_path / "out"), tmp_path / "exports"
    make_placed(output, "utm", blocks(), "utm", done={(0, 0)})
    export_scenes(output, folder, "utm", exporter=Stac())
    before = _digests(folder)
    export_scenes(output, folder, "utm", exporter=Stac())
    assert _digests(folder) == before

    export_scenes(output, folder, "utm")
    export_scenes(output, folder, "utm", exporter=Stac())
    assert "cog-tif" in _documents(folder)["utm"]["assets"]

    make_placed(output, "utm", blocks(), "utm")  # the rest is done meanwhile
    export_scenes(output, folder, "utm", exporter=Stac())
    assert _documents(folder)["utm"]["assets"].keys() == {"masks"}


def _digests(folder: Path) -> dict[str, str]:
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*.json")}


def test_a_collection_in_object_storage_names_what_is_elsewhere_by_its_uri(output: Output, s3: str) -> None:
    export_scenes(output, s3, "utm", exporter=Stac())

    item = json.loads(objects.get_bytes(Location(f"{s3}/items/utm.json")))
    assert item["assets"]["masks"]["href"] == output.scene("utm").masks.uri
    assert validate(item)


COLUMN = st.floats(-180, 180)


@given(COLUMN, COLUMN, st.floats(-90, 0), st.floats(0, 90))
def test_the_box_of_a_box_is_that_box(west: float, east: float, south: float, north: float) -> None:
    found = (west, south, east, north)
    assert bbox_of(box(found), grid=found) == found
    whole = union([found, (0.0, 0.0, 1.0, 1.0)])
    assert whole[0] <= whole[2]
    assert whole[1] <= south <= north <= whole[3]


@given(st.lists(st.text(max_size=8), max_size=12))
def test_names_of_classes_become_words_and_stay_apart(names: list[str]) -> None:
    found = slugs(names)
    assert len(set(found)) == len(names)
    assert all(re.fullmatch("[0-9A-Za-z_-]+", word) for word in found)
    assert "no-data" not in found
