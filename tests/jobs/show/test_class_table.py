"""The table that a run prints: shares of pixels and of ground are two things where scenes differ in ground size."""

from pathlib import Path
from typing import Any

from jobs.show.class_table import class_table
from pipeline.output import Output
from pipeline.statistics import SceneSum, scene_summary, with_failed, write_tables
from pipeline.statistics.facts import NOTHING

CLASSES = ("road", "water")
UNKNOWN: dict[str, Any] = {"uri": "a.tif", "datetime": None, "bbox": None}


def scene(
    name: str, pixels: tuple[int, int], *, pixel_m2: float | None, date: str | None = None
) -> list[dict[str, Any]]:
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
    return scene_summary(name, windows, classes=CLASSES, about={**UNKNOWN, "datetime": date}, windows=(1, 0))


def printed(output: Path, *scenes: list[dict[str, Any]], failed: dict[str, str] | None = None) -> list[str]:
    sums = [SceneSum(each[0]["scene_id"], NOTHING, each) for each in scenes]
    every = with_failed(sums, failed or {}, classes=CLASSES)
    write_tables(Output(str(output)), every, classes=CLASSES)
    return class_table(Output(str(output))).splitlines()


def cells(line: str) -> list[str]:
    return line.split()


def test_shares_are_named_of_pixels_and_of_area(tmp_path: Path) -> None:
    fine, coarse = scene("a", (100, 300), pixel_m2=0.25), scene("b", (90, 10), pixel_m2=400.0)
    header, other, road, water, *_ = printed(tmp_path, fine, coarse, failed={"c": "c.tif"})
    assert header.index("share of pixels") < header.index("share of area")
    assert cells(other) == ["other", "0", "0.0%", "0.0000", "0.0%", "-"]
    assert cells(road) == ["road", "190", "38.0%", "0.0360", "89.8%", "0.50"]  # 36,025 m2 of 40,100
    assert cells(water) == ["water", "310", "62.0%", "0.0041", "10.2%", "0.50"]
    assert [round(record["area_share"], 3) for record in (*fine, *coarse)] == [0, 0.25, 0.75, 0, 0.9, 0.1]
    assert [record["share"] for record in coarse] == [0, 0.9, 0.1]


def test_what_has_no_area_is_told_and_takes_no_area_from_the_others(tmp_path: Path) -> None:
    placed, unplaced = scene("a", (100, 300), pixel_m2=2500.0), scene("b", (5000, 600), pixel_m2=None)
    _, _, road, water, note, *_ = printed(tmp_path, placed, unplaced)
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


def test_scenes_of_several_years_are_shown_by_year_with_shares_of_area(tmp_path: Path) -> None:
    dates = ("2023-05-01T00:00:00", "2024-01-01T00:00:00Z", "2023-01-01T00:00:00Z/2023-12-31T00:00:00Z", None)
    sizes = ((100, 300), (100, 0), (300, 100), (0, 7))
    scenes = [
        scene(f"s{number}", pixels, pixel_m2=4.0, date=date)
        for number, (pixels, date) in enumerate(zip(sizes, dates, strict=True))
    ]
    lines = printed(tmp_path, *scenes)
    assert lines[4:6] == ["", "share of area by year:"]
    assert [cells(line) for line in lines[6:]] == [
        ["year", "scenes", "other", "road", "water"],
        ["2023", "2", "0.0%", "50.0%", "50.0%"],
        ["2024", "1", "0.0%", "100.0%", "0.0%"],
        ["no", "date", "1", "0.0%", "0.0%", "100.0%"],
    ]


def test_scenes_of_one_year_are_shown_one_by_one_with_shares_of_pixels_where_some_have_no_area(
    tmp_path: Path,
) -> None:
    scenes = [scene("a", (1, 3), pixel_m2=4.0, date="2024-01-01"), scene("b", (3, 1), pixel_m2=None)]
    lines = printed(tmp_path, *scenes, failed={"c": "c.tif"})
    assert lines[5:7] == ["", "share of pixels by scene:"]
    assert [cells(line) for line in lines[7:]] == [
        ["scene", "other", "road", "water"],
        ["a", "0.0%", "25.0%", "75.0%"],
        ["b", "0.0%", "75.0%", "25.0%"],
        ["c", "-", "-", "-"],
    ]


def test_of_many_scenes_and_classes_the_first_and_the_largest_are_shown(tmp_path: Path) -> None:
    classes = [f"class {number}" for number in range(9)]
    records = [
        {"class_id": number, "class_name": classes[number - 1], "pixels": number, "unplaced_pixels": 0}
        | {"area_m2": float(number), "mean_score": 0.5}
        for number in range(1, 10)
    ]
    sums = [
        SceneSum(name, NOTHING, scene_summary(name, records, classes=classes, about=UNKNOWN, windows=(1, 0)))
        for name in (f"s{number:02}" for number in range(25))
    ]
    write_tables(Output(str(tmp_path)), sums, classes=classes)
    lines = class_table(Output(str(tmp_path))).splitlines()[12:]
    assert lines[0] == "share of area by scene, of the 6 largest classes:"
    assert lines[1].split("  ")[-6:] == [f"class {number}" for number in range(3, 9)]
    assert (len(lines), lines[-1]) == (23, "and 5 more scenes, see summary.parquet")
