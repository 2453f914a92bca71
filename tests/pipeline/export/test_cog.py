"""GeoTIFFs of scenes against the class ids that were stored, as GDAL and others read them."""

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import rasterio
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rio_cogeo.cogeo import cog_validate
from rio_tiler.io import Reader

from pipeline import raster, store
from pipeline.errors import RasterError
from pipeline.export.cog import Cog
from pipeline.export.cog.legend import Legend, gdal_sidecar, qgis_style
from pipeline.geometry.window import Window
from pipeline.raster import BandDescription
from tests.pipeline.export.gdal_names import names_of
from tests.pipeline.export.placed_scenes import (
    NAMES,
    PLACES,
    blocks,
    export_scenes,
    make_overviews,
    make_placed,
    opened,
)
from tests.pipeline.made_outputs import header_of, output_at

pytestmark = pytest.mark.filterwarnings(  # of the readers, not of what is exported
    "ignore:Use `@` matmul:PendingDeprecationWarning", "ignore::rasterio.errors.NotGeoreferencedWarning"
)


@pytest.mark.parametrize(("place", "dtype"), [*((place, "uint8") for place in PLACES), ("utm", "uint16")])
def test_a_scene_is_what_was_stored_to_whoever_opens_it(tmp_path: Path, place: str, dtype: str) -> None:
    output, ids, folder = output_at(tmp_path / "out"), blocks(dtype), tmp_path / "cogs"
    names = NAMES if dtype == "uint8" else (*NAMES, *(f"class {number}" for number in range(4, 300)))
    done = {(0, 0), (256, 256), (512, 0)}
    make_placed(output, "a", ids, place, names=names, done=done, datetime="2024-05-31T10:20:30Z")

    (made,) = export_scenes(output, folder, "a")

    nodata = np.iinfo(dtype).max
    expected = np.full_like(ids, nodata)
    for row, col in done:
        expected[row : row + 256, col : col + 256] = ids[row : row + 256, col : col + 256]
    colors = [tuple(bytes.fromhex(color[1:])) for color in opened(output, "a").colors]
    crs, transform = PLACES[place]
    assert cog_validate(folder / "a.tif", strict=True) == (True, [], [])
    with rasterio.open(folder / "a.tif") as found:
        np.testing.assert_array_equal(found.read(1), expected)
        assert found.crs == (None if crs is None else rasterio.crs.CRS.from_user_input(crs))
        assert tuple(found.transform)[:6] == transform
        assert (found.nodata, found.dtypes, found.overviews(1)) == (nodata, (dtype,), [2])
        assert (found.descriptions, found.block_shapes) == (("class",), [(512, 512)])
        palette, tags = found.colormap(1), found.tags()
    assert [palette[number][:3] for number in range(len(colors))] == colors
    assert (tags["windows_done"], tags["windows_missing"], tags["run"]) == ("3", "6", "a" * 64)
    assert (tags["TIFFTAG_DATETIME"], tags["TIFFTAG_SOFTWARE"][:8]) == ("2024:05:31 10:20:30", "mrovseg ")
    assert (made.windows_done, made.windows_missing) == (3, 6)
    found_names = names_of(folder / "a.tif")
    assert found_names.categories == ["other", *names]
    assert found_names.table[1] == ["1", "water", *map(str, colors[1]), "255"]
    assert found_names.table[-1] == [str(nodata), "no data", "0", "0", "0", "0"]
    if crs is not None:
        with Reader(str(folder / "a.tif")) as reader:
            image = reader.read()
            np.testing.assert_array_equal(image.data[0], expected)
            np.testing.assert_array_equal(image.mask == 0, expected == nodata)
            palette = reader.colormap or {}
            assert [palette[number][:3] for number in range(len(colors))] == colors


def test_scores_are_means_that_no_data_does_not_touch(tmp_path: Path) -> None:
    output, ids = output_at(tmp_path / "out"), blocks()
    make_placed(output, "a", ids, "utm", done={(0, 0)})

    export_scenes(output, tmp_path / "cogs", "a", exporter=Cog(scores=True))

    path = tmp_path / "cogs" / "a-score.tif"
    assert cog_validate(path, strict=True) == (True, [], [])
    with rasterio.open(path) as found:
        scores = found.read(1)
        assert (found.nodata, found.scales, found.dtypes) == (255, (1 / 254,), ("uint8",))
    rows, cols = np.indices(ids.shape)
    known = (ids != 255) & (rows < 256) & (cols < 256)
    np.testing.assert_array_equal(scores, np.where(known, (rows * 7 + cols * 3) % 255, 255))
    with rasterio.open(path, OVERVIEW_LEVEL=0) as overview:
        half = overview.read(1)
    # Squares of class ids have an even side, so a square of two by two has data in all of its pixels, or in none.
    squares = scores.astype(float).reshape(300, 2, 350, 2)
    np.testing.assert_array_equal(half == 255, squares[:, 0, :, 0] == 255)
    np.testing.assert_allclose(half, squares.mean(axis=(1, 3)), atol=0.5)


@settings(max_examples=8)
@given(st.integers(513, 700), st.integers(1, 700), st.integers(0, 9), st.sampled_from(["uint8", "uint16"]))
@example(640, 600, 0, "uint8")
def test_overviews_invent_no_class_and_no_data_never_wins(
    tmp_path_factory: pytest.TempPathFactory, height: int, width: int, seed: int, dtype: str
) -> None:
    path, nodata = tmp_path_factory.mktemp("cog") / "a.tif", np.iinfo(dtype).max
    ids = np.random.default_rng(seed).choice(np.array([0, 1, 2, *[nodata] * 7], dtype), (height, width))
    header = replace(header_of(ids), bands=1, dtype=dtype, nodata=float(nodata))
    band = BandDescription(name="class", resampling="mode", palette={}, tags={})
    with raster.create_cog(str(path), header=header, band=band) as target:
        target.write(ids[:, :, None], Window(0, 0, height, width))

    with rasterio.open(path, OVERVIEW_LEVEL=0) as overview:
        half = overview.read(1)

    for class_id in (0, 1, 2):
        assert not ((half == class_id) & ~_touched(ids == class_id, half.shape)).any()
    assert not ((half != nodata) & ~_touched(ids != nodata, half.shape)).any()
    if height % 2 == width % 2 == 0:
        np.testing.assert_array_equal(half == nodata, ~_touched(ids != nodata, half.shape))


def _touched(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Of each pixel of an overview, whether a pixel that it touches is one of ``values``."""
    edges = [
        (np.arange(small) * large // small, -(-(np.arange(small) + 1) * large // small))
        for small, large in zip(shape, values.shape, strict=True)
    ]
    counted = np.pad(values.astype(int).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    (tops, bottoms), (lefts, rights) = edges
    below = counted[np.ix_(bottoms, rights)] - counted[np.ix_(bottoms, lefts)]
    return np.asarray(below - counted[np.ix_(tops, rights)] + counted[np.ix_(tops, lefts)] > 0)


def test_a_raster_that_was_begun_and_failed_leaves_nothing(tmp_path: Path) -> None:
    band = BandDescription(name="class", resampling="mode", palette={}, tags={})
    header = replace(header_of(blocks()), bands=1, nodata=255.0)
    with (
        pytest.raises(ValueError, match="takes an array of"),
        raster.create_cog(str(tmp_path / "a.tif"), header=header, band=band) as target,
    ):
        target.write(blocks()[:, :, None], Window(0, 0, 600, 699))
    with (
        pytest.raises(RasterError, match=r"cannot create .*: "),
        raster.create_cog(str(tmp_path / "a.tif"), header=replace(header, crs_wkt="nowhere"), band=band),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


@settings(max_examples=15)
@given(st.lists(st.text(min_size=1), min_size=1, max_size=5))
@example(["\x00", "a\r\nb", "<&>'\"", "\ud800"])
def test_names_are_read_back_from_both_files_whatever_is_in_them(names: list[str]) -> None:
    colors = tuple(f"#0000{number:02x}" for number in range(len(names) + 1))
    legend = Legend(names=("other", *names), colors=colors, shown=(1,), nodata=255)

    sidecar, style = ET.fromstring(gdal_sidecar(legend)), ET.fromstring(qgis_style(legend))  # noqa: S314 - our own

    found = [each.text for each in sidecar.iter("Category")]
    assert [found[0], len(found)] == ["other", len(names) + 1]
    entries = [each.attrib for each in style.iter("paletteEntry")]
    assert [each["value"] for each in entries] == ["0", "1", "255"]
    assert [each["alpha"] for each in entries] == ["0", "255", "0"]
    assert entries[1]["color"] == "#000001"
    if names[0].isalnum():
        assert (found[1], entries[1]["label"]) == (names[0], names[0])


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"colors": ("#000000",)}, "each class has a name and a colour"),
        ({"colors": ("#000000", "red")}, "got 'red'"),
        ({"shown": (2,)}, "ids are those of 2 names"),
    ],
)
def test_a_legend_that_cannot_be_is_refused(changed: dict[str, tuple[str, ...]], named: str) -> None:
    given_ones = {"names": ("other", "a"), "colors": ("#000000", "#0000ff"), "shown": (1,), "nodata": 255}
    with pytest.raises(ValueError, match=named):
        Legend(**(given_ones | changed))  # type: ignore[arg-type]  # of several types


def test_chosen_classes_are_shown_and_the_others_are_other(tmp_path: Path) -> None:
    output, ids, folder = output_at(tmp_path / "out"), blocks(), tmp_path / "cogs"
    make_placed(output, "a", ids, "utm")

    export_scenes(output, folder, "a", classes=("tree",))

    with rasterio.open(folder / "a.tif") as found:
        np.testing.assert_array_equal(found.read(1), np.where(np.isin(ids, [1, 2]), 0, ids))
    assert [row[:2] for row in names_of(folder / "a.tif").table] == [
        ["0", "other"],
        ["3", "tree"],
        ["255", "no data"],
    ]


def test_a_coarser_level_is_what_the_store_has_of_it(tmp_path: Path) -> None:
    output, ids, folder = output_at(tmp_path / "out"), blocks(), tmp_path / "cogs"
    make_placed(output, "a", ids, "utm", done={(0, 0), (256, 256)})
    scene = output.scene("a")
    make_overviews(output, "a", ids, "utm")

    export_scenes(output, folder, "a", level=1)

    expected = store.read(scene, "class", Window(0, 0, 300, 350), 1)
    assert 0.5 < (expected == 255).mean() < 0.9
    with rasterio.open(folder / "a.tif") as found:
        np.testing.assert_array_equal(found.read(1), expected)
        assert (found.res, tuple(found.bounds)) == ((20, 20), (500_000, 4_994_000, 507_000, 5_000_000))
        assert found.tags()["level"] == "1"
