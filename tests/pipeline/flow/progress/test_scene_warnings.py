"""What scenes warn of is said once a kind, with how many scenes it is of, however many there are."""

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio

from pipeline import raster
from pipeline.config import PLAIN, Reading
from pipeline.flow.progress import scene_warnings
from pipeline.flow.progress.events import Events
from pipeline.flow.progress.scene_warnings import Found, SceneWarnings
from pipeline.sources.naming import scene_of


def said(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def scene_of_kind(path: Path, *, bands: int, dtype: str, crs: str | None) -> str:
    values = np.random.default_rng(0).integers(1, 200, (bands, 32, 32)).astype(dtype)
    profile = {"driver": "GTiff", "height": 32, "width": 32, "count": bands, "dtype": dtype, "crs": crs}
    transform = rasterio.Affine(2, 0, 5e5, 0, -2, 5e6)
    with rasterio.open(path, "w", transform=transform, **profile) as file:
        file.write(values)
    return str(path)


@pytest.mark.parametrize(
    ("kind", "reading", "words"),
    [
        ({"bands": 3, "dtype": "uint8", "crs": "EPSG:32633"}, PLAIN, []),
        # GDAL writes the fourth as alpha
        ({"bands": 4, "dtype": "uint8", "crs": "EPSG:32633"}, PLAIN, ["band 4 is flagged alpha"]),
        ({"bands": 5, "dtype": "uint16", "crs": "EPSG:32633"}, PLAIN, ["no band says", "percentiles"]),
        ({"bands": 3, "dtype": "uint8", "crs": None}, PLAIN, ["no CRS", "side of a pixel"]),
        (
            {"bands": 3, "dtype": "float32", "crs": "EPSG:32633"},
            Reading(bands=(1, 2, 3), value_range=(0, 200)),
            [],
        ),
    ],
)
def test_a_scene_warns_of_what_inspect_does_and_of_its_stretch(
    tmp_path: Path, kind: dict[str, object], reading: Reading, words: list[str]
) -> None:
    scene = scene_of(scene_of_kind(tmp_path / "a.tif", **kind))  # type: ignore[arg-type]
    view = raster.view_of(scene, reading)
    found = scene_warnings.found(scene.scene_id, view, reading)
    assert set(view.warnings) <= set(found.warnings)
    assert len(found.warnings) == len(words)
    assert all(any(word in text for text in found.warnings) for word in words)
    if kind["crs"] is None:
        assert found.ground_size_m is None
    else:
        assert found.ground_size_m == pytest.approx(2, rel=1e-3)  # 2 m pixels of a UTM zone's middle


def test_a_kind_is_said_when_it_is_met_and_counted_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    told = SceneWarnings(Events("run"))
    for number in range(1000):
        told.take(Found(f"s{number}", 0.5 + number, ("no CRS is stated",) if number % 2 else ()))
        told.take(Found(f"t{number}", None, (f"band {number} of 7 of 'a-{number}' is taken for grey",)))
    first = said(capsys)
    assert [event["message"] for event in first] == [
        "warning: t0: band 0 of 7 of 'a-0' is taken for grey",
        "warning: s1: no CRS is stated",
    ]
    told.finish()
    last = said(capsys)
    assert [(event["event"], event["scenes"]) for event in last] == [
        ("scenes_warned", 1000),
        ("scenes_warned", 500),
        ("ground_sizes", 1000),
    ]
    assert (last[-1]["least_m"], last[-1]["most_m"]) == (0.5, 999.5)


def test_what_is_said_is_bounded_however_many_kinds_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    told = SceneWarnings(Events("run"))
    words = [a + b + c for a in "abcdefgh" for b in "ijklmnop" for c in "qrstuvwx"]
    for word in words:
        told.take(Found("s", None, (word * 2000,)))
    told.finish()
    found = said(capsys)
    assert len(found) == 21
    assert all(len(str(event["message"])) < 400 for event in found)
    assert "more kinds" in str(found[-1]["message"])


def test_a_run_that_begins_again_counts_anew_and_repeats_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    told = SceneWarnings(Events("run"))
    for _ in range(2):
        told.begin_again()
        for scene_id in "ab":
            told.take(Found(scene_id, 1.0, ("no CRS is stated",)))
    told.finish()
    assert [(event["event"], event.get("scenes")) for event in said(capsys)] == [
        ("scene_warned", None),
        ("scenes_warned", 2),
        ("ground_sizes", 2),
    ]
