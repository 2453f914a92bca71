"""Masks, overviews, scores, margins, proposals and statistics by `tiny`, compared with those of an earlier commit.

`python -m tests.same_bytes` labels five kinds of scenes by two vocabularies and compares digests with those of
`same_bytes.json`. A matrix product may round differently on another processor or torch: then record the digests
of the earlier commit anew, where they are to be compared, by `--record --product CHECKOUT`.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import rasterio

from pipeline.geometry.window import Window
from pipeline.testing.painted import paint, paint_scene
from tests.conftest import SHARED_DATA
from tests.jobs.test_real_scenes import lay_together

ROOT = Path(__file__).resolve().parents[1]
DIGESTS = Path(__file__).with_suffix(".json")
FIVE = "building; land; road; vegetation; water"
VOCABULARIES = {"five": FIVE, "eight, three by patches": f"{FIVE}; airport; bridge; stadium"}
ARRAYS = ("class", "score", "margin", "embeddings", "index", "weight", "features")
DONE_WITH_FAILURES = 3
SEED = 1000


def main() -> int:
    """Compare, or record; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--product", type=Path, default=ROOT, help="the checkout that labels (this one)")
    parser.add_argument("--record", action="store_true", help=f"write {DIGESTS.name} instead of comparing")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        found = digests(Path(folder), arguments.product.resolve())
    if arguments.record:
        DIGESTS.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
        return 0
    expected = json.loads(DIGESTS.read_text())
    differing = sorted(key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key))
    print(
        "\n".join([*(f"differs: {key}" for key in differing), f"{len(found) - len(differing)} are the same"])
    )
    return 1 if differing else 0


def digests(folder: Path, product: Path) -> dict[str, str]:
    """Label the scenes by each vocabulary with the product in a checkout; SHA-256 by vocabulary, scene and part."""
    scenes = [str(scene) for scene in make_scenes(folder)]
    found: dict[str, str] = {}
    for name, words in VOCABULARIES.items():
        output = folder / name.split(",")[0]
        command = [sys.executable, "-m", "jobs.segment", *scenes, "--classes", words, "-o", str(output)]
        done = subprocess.run(
            [*command, "--window-px", "1024"],
            cwd=product,
            env=os.environ | {"PYTHONPATH": str(product)},
            check=False,
        )
        if done.returncode != DONE_WITH_FAILURES:  # the damaged ones
            raise SystemExit(f"mrovseg segment ended with {done.returncode}, expected {DONE_WITH_FAILURES}")
        found |= {f"{name}: {key}": digest for key, digest in parts(output).items()}
    return found


def make_scenes(folder: Path) -> Iterator[Path]:
    """Write a painted scene, a part of Dubai, and one of 16 bits; yield them, a NAIP scene and damaged files."""
    paint_scene(folder / "painted.tif", height=4096, width=4096, seed=SEED)
    yield folder / "painted.tif"
    nine = sorted((SHARED_DATA / "semseg/dubai/tile2/images").glob("*.jpg"))
    yield lay_together(nine, folder / "dubai.tif", cols=3)
    yield sixteen_bits(folder / "sixteen_bits.tif")
    yield from sorted((SHARED_DATA / "geotiff/opengeos-data/naip").rglob("*.tif"))[:1]
    yield from sorted(path for path in (SHARED_DATA / "corrupt").rglob("*") if path.is_file())


def sixteen_bits(path: Path) -> Path:
    """Write a painted scene as 16-bit values with a border that has no data."""
    pixels, _ = paint(Window(0, 0, 2100, 1500), seed=SEED + 1)
    values = pixels.astype(np.uint16) * 11 + 200
    values[:100] = 0
    profile = {"driver": "GTiff", "height": 2100, "width": 1500, "count": 3, "dtype": "uint16", "nodata": 0}
    place = {"crs": "EPSG:32633", "transform": rasterio.Affine(0.5, 0, 391_000, 0, -0.5, 5_820_000)}
    with rasterio.open(path, "w", tiled=True, photometric="rgb", **profile, **place) as file:
        file.write(np.moveaxis(values, -1, 0))
    return path


def parts(output: Path) -> dict[str, str]:
    """Return the digest of each array and table; scenes go by the names of their files, also two of one name."""
    found: dict[str, list[str]] = defaultdict(list)
    for key, digest in each_part(output):
        found[key].append(digest)
    return {key: ", ".join(sorted(digests)) for key, digests in found.items()}


def digest_of(store: Path, chunks: str) -> str:
    """Return the SHA-256 of the names and bytes of some chunks."""
    digest = hashlib.sha256()
    for chunk in sorted(store.glob(chunks)):
        if chunk.is_file():
            digest.update(f"{chunk.relative_to(store)}\n".encode() + chunk.read_bytes())
    return digest.hexdigest()


def each_part(output: Path) -> Iterator[tuple[str, str]]:
    for store in sorted((output / "scenes").glob("*/masks.zarr")):
        scene = store.parent.name.rsplit("-", 1)[0]
        for array in ARRAYS:
            yield f"{scene}, {array}", digest_of(store, f"[0p]*/{array}/c/**/*")  # in whichever group it is
        yield f"{scene}, overviews", digest_of(store, "[1-9]*/class/c/**/*")
    begun = {path.parent.name for path in (output / "ledger").glob("*/[0-9]*.json")}
    by_scene: dict[str, list[object]] = {scene.rsplit("-", 1)[0]: [] for scene in begun}
    for row in pq.read_table(output / "statistics").to_pylist():  # in the order of windows, of each scene
        by_scene[row.pop("scene_id").rsplit("-", 1)[0]].append(row)  # the rest is made of its path
    for scene, rows in sorted(by_scene.items()):
        yield f"{scene}, statistics", hashlib.sha256(json.dumps(rows).encode()).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
