"""How long DuckDB takes for the tables of 10,000 scenes, and what writing them takes.

`python -m tests.bench.outputs.tables` prints both.
"""

import itertools
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import shapely

from pipeline import statistics
from pipeline.output import Output
from pipeline.statistics import SceneSum

SCENES, WINDOWS = 10_000, 16
CLASSES = ("building", "road", "water")
LIMIT_S, LIMIT_MIB = 1.0, 700
QUESTIONS = {
    "statistics": "SELECT class_name, sum(area_m2) FROM '{}/statistics/*.parquet' GROUP BY ALL",
    "a scene's": "SELECT count(*) FROM '{}/statistics/*.parquet' WHERE scene_id = 's05000-0123456789abcdef'",
    "items": "SELECT id, strftime(datetime, '%Y-%m') AS month, area_m2.water / 1e6 FROM '{}/items.parquet'",
}


def rows(scene_id: str) -> list[dict[str, Any]]:
    """The rows of a scene's windows."""
    return [
        {"scene_id": scene_id, "row_off": window // 4 * 2048, "col_off": window % 4 * 2048}
        | {"height": 2048, "width": 2048, "class_id": class_id, "class_name": name, "pixels": 2**20 + window}
        | {"unplaced_pixels": 0, "area_m2": 0.25 * (2**20 + window), "mean_score": 0.5}
        for window, (class_id, name) in itertools.product(range(WINDOWS), enumerate(("other", *CLASSES)))
    ]


def facts(number: int) -> dict[str, Any]:
    """What a scene is."""
    box = shapely.segmentize(
        shapely.box(number % 100, number // 200, number % 100 + 1, number // 200 + 1), 0.1
    )
    return {
        "uri": f"s3://scenes/s{number:05}.tif",
        "datetime": f"20{number % 20 + 10}-{number % 12 + 1:02}-01T10:00:00",
        "bbox": None,
        "footprint": shapely.to_wkb(box, hex=True),
        "code": "EPSG:32633",
        "wkt2": None,
        "shape": [8192, 8192],
        "transform": [0.5, 0.0, 5e5, 0.0, -0.5, 5e6],
    }


def write_parts(output: Output) -> Iterator[bytes]:
    """Write the statistics part by part, as tasks do."""
    numbers = {f"s{number:05}-0123456789abcdef": number for number in range(SCENES)}
    by_part = sorted(numbers, key=lambda each: (output.scene(each).statistics.uri, each))
    for location, ids in itertools.groupby(by_part, key=lambda each: output.scene(each).statistics):
        part, sums = statistics.PartWriter(), list[SceneSum]()
        for scene_id in ids:
            mine, known = rows(scene_id), facts(numbers[scene_id])
            part.add(scene_id, mine, listing="0" * 64, facts=known)
            windows = (WINDOWS, 0)
            sums.append(statistics.scene_sum(scene_id, mine, facts=known, classes=CLASSES, windows=windows))
        Path(location.uri).parent.mkdir(parents=True, exist_ok=True)
        Path(location.uri).write_bytes(part.content())
        yield statistics.packed(sums)


def main() -> int:
    """Write the tables, ask, and say what it took."""
    with tempfile.TemporaryDirectory() as folder:
        output = Output(folder)
        parts = list(write_parts(output))
        before_mib, began_s = peak_mib(), time.perf_counter()
        statistics.write_tables(output, statistics.merged(parts), classes=CLASSES)
        took_s = time.perf_counter() - began_s
        files = list(Path(folder).glob("statistics/*"))
        print(f"{len(files)} parts of {sum(each.stat().st_size for each in files) / len(files) / 1e3:.0f} kB")
        print(f"summary and items: {took_s:.1f} s, {peak_mib() - before_mib:.0f} MiB more than before")
        slowest_s = max(asked_s(name, question.format(folder)) for name, question in QUESTIONS.items())
    return int(slowest_s > LIMIT_S or peak_mib() > LIMIT_MIB)


def asked_s(name: str, question: str) -> float:
    """Ask DuckDB from anew, and return what it took."""
    began_s = time.perf_counter()
    found = duckdb.connect().execute(question).fetchall()
    took_s = time.perf_counter() - began_s
    print(f"{name}: {took_s:.2f} s, {len(found)} rows")
    return took_s


def peak_mib() -> float:
    """The most memory that this process had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    sys.exit(main())
