"""The table that a run prints: shares of pixels and of ground are two things where scenes differ in ground size."""

from pathlib import Path
from typing import Any

from jobs.show.class_table import class_table
from pipeline.output import Output
from pipeline.statistics import SceneSum, scene_summary, with_failed, write_tables
from pipeline.statistics.facts import NOTHING

CLASSES = ("road", "water")
UNKNOWN: dict[str, Any] = {"uri": "a.tif", "datetime": None, "bbox": None}


def scene(name: str, pixels: tuple[int, int], *, pixel_m2: float | None) -> list[dict[str, Any]]:
    """Roads and water of a scene, whose pixels are all of one size."""
    windows = [
        {
            "class_id": class_id,
            "class_name": CLASSES[class_id - 1],
            "pixels": count,
            "unplaced_pixels": count if pixel_m2 is None else 0,
            "area_m2": None if pixel_m2 is None else count * pixel_m2,
            "mean_score": 0.5,
        }
        for class_id, count in enumerate(pixels, start=1)
    ]
    return scene_summary(name, windows, classes=CLASSES, about=UNKNOWN, windows=(1, 0))


def printed(output: Path, *scenes: list[dict[str, Any]], failed: dict[str, str] | None = None) -> list[str]:
    sums = [SceneSum(each[0]["scene_id"], NOTHING, each) for each in scenes]
    every = with_failed(sums, failed or {}, classes=CLASSES)
    write_tables(Output(str(output)), every, classes=CLASSES)
    return class_table(Output(str(output))).splitlines()


def cells(line: str) -> list[str]:
    return line.split()


def test_shares_are_named_of_pixels_and_of_area(tmp_path: Path) -> None:
    fine, coarse = scene("a", (100, 300), pixel_m2=0.25), scene("b", (90, 10), pixel_m2=400.0)
    header, other, road, water = printed(tmp_path, fine, coarse, failed={"c": "c.tif"})
    assert header.index("share of pixels") < header.index("share of area")
    assert cells(other) == ["other", "0", "0.0%", "0.0000", "0.0%", "-"]
    assert cells(road) == ["road", "190", "38.0%", "0.0360", "89.8%", "0.50"]  # 36,025 m2 of 40,100
    assert cells(water) == ["water", "310", "62.0%", "0.0041", "10.2%", "0.50"]
    assert [round(record["area_share"], 3) for record in (*fine, *coarse)] == [0, 0.25, 0.75, 0, 0.9, 0.1]
    assert [record["share"] for record in coarse] == [0, 0.9, 0.1]


def test_what_has_no_area_is_told_and_takes_no_area_from_the_others(tmp_path: Path) -> None:
    placed, unplaced = scene("a", (100, 300), pixel_m2=2500.0), scene("b", (5000, 600), pixel_m2=None)
    _, _, road, water, note = printed(tmp_path, placed, unplaced)
    assert cells(road) == ["road", "5,100", "85.0%", "0.2500", "25.0%", "0.50"]
    assert cells(water) == ["water", "900", "15.0%", "0.7500", "75.0%", "0.50"]
    assert note.startswith("5,600 of 6,000 pixels have no place on earth")
    _, other, road, _, note = printed(tmp_path, unplaced)
    assert cells(other) == ["other", "0", "0.0%", "-", "-", "-"]
    assert cells(road) == ["road", "5,000", "89.3%", "-", "-", "0.50"]
    assert note.startswith("5,600 of 5,600 pixels")
    assert [record["area_share"] for record in unplaced] == [None] * 3


def test_an_output_of_nothing_has_a_table_of_nothing(tmp_path: Path) -> None:
    assert len(printed(tmp_path)) == 1
    assert [cells(line)[1] for line in printed(tmp_path, failed={"c": "c.tif"})[1:]] == ["0"] * 3
