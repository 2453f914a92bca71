"""When a scene was taken: by its STAC item, else by its file."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pystac
import pytest
import rasterio
from PIL import Image

from pipeline import raster
from pipeline.config import PLAIN
from pipeline.flow import scene_inputs
from pipeline.geometry.scene import Scene
from pipeline.geometry.view import View
from pipeline.output import Output
from pipeline.sources.naming import scene_of
from pipeline.sources.stac.assets import scene_of_item
from pipeline.storage import objects
from pipeline.storage.location import Location
from tests.pipeline.rasters import write


def item(when: datetime | None, **properties: object) -> dict[str, object]:
    found = pystac.Item("it", None, None, when, dict(properties))
    found.add_asset("visual", pystac.Asset("a.tif", media_type=pystac.MediaType.COG, roles=["visual"]))
    return dict(found.to_dict(include_self_link=False, transform_hrefs=False))


def taken(found: dict[str, object]) -> str | None:
    scene = scene_of_item(found, origin="s3://bucket/it.json")
    assert isinstance(scene, Scene)
    return scene.datetime


def test_an_item_says_when_its_scene_was_taken() -> None:
    first, last = (datetime(2024, 5, day, 10, 20, 30, tzinfo=UTC) for day in (30, 31))
    found = taken(item(last))
    assert found is not None
    assert datetime.fromisoformat(found) == last
    texts = {"start_datetime": first.isoformat(), "end_datetime": last.isoformat()}
    span = taken(item(None, **texts))
    assert span is not None
    assert [datetime.fromisoformat(each) for each in span.split("/")] == [first, last]


@pytest.mark.parametrize("value", [None, 5, "", "yesterday", ["2024-05-31"], {}])
def test_what_is_no_date_costs_no_scene(value: object) -> None:
    found = item(datetime(2024, 5, 31, tzinfo=UTC))
    assert taken(found | {"properties": {"datetime": value}}) is None
    assert taken(found | {"properties": value}) is None


def test_a_file_says_it_where_no_list_does(tmp_path: Path) -> None:
    pixels = np.full((3, 20, 20), 9, np.uint8)
    uri = write(tmp_path / "a.tif", pixels)
    assert raster.view_of(scene_of(uri)).datetime is None
    with rasterio.open(uri, "r+") as file:
        file.update_tags(TIFFTAG_DATETIME="2023:01:02 03:04:05")
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = "2022:11:12 13:14:15"
    Image.fromarray(np.moveaxis(pixels, 0, 2)).save(tmp_path / "b.jpg", exif=exif)
    assert raster.view_of(scene_of(uri)).datetime == "2023-01-02T03:04:05"
    assert raster.view_of(scene_of(str(tmp_path / "b.jpg"))).datetime == "2022-11-12T13:14:15"
    listed = Scene("a-1", uri, datetime="2024-05-31T10:20:30Z")
    for _ in range(2):  # the second time by its note
        view = scene_inputs.pin_view(Output(str(tmp_path / "out")), listed, PLAIN)
        assert view.datetime == "2024-05-31T10:20:30Z"
    assert View.from_values(view.to_values()) == view
    assert b"2024-05-31T10:20:30Z" in objects.get_bytes(Location(f"{tmp_path}/out/inputs/a-1.json"))
