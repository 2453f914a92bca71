import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from pipeline import export
from pipeline.export import Exported, Selection
from pipeline.export.polygons import Polygons
from pipeline.storage.location import Location
from tests.pipeline.made_outputs import make_scene, output_at

ROOT = Path(__file__).resolve().parents[4]
EXPORT = """
import sys
from pipeline import export
from pipeline.export import Selection
from pipeline.export.polygons import Polygons
from pipeline.output import Output
from pipeline.storage.location import Location

export.export_scene(
    "a",
    output=Output(sys.argv[1]),
    selection=Selection(window_px=1024),
    exporter=Polygons(file_format=sys.argv[3], simplify_m=15.0),
    folder=Location(sys.argv[2]),
)
"""


@pytest.mark.slow
@pytest.mark.parametrize("file_format", ["parquet", "gpkg"])
def test_a_killed_export_ends_with_the_same_bytes(tmp_path: Path, file_format: str) -> None:
    output = output_at(tmp_path / "out")
    coarse = np.random.default_rng(0).integers(0, 3, (512, 512), np.uint8)
    make_scene(
        output.scene("a"),
        np.kron(coarse, np.ones((4, 4), np.uint8)),
        names=("water", "road"),
        window_px=1024,
        chunk_px=512,
    )
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    name = f"a.{file_format}"

    process = subprocess.Popen([sys.executable, "-c", EXPORT, output.uri, str(killed), file_format], cwd=ROOT)
    partial = killed / f".{name}.partial" / name
    while not partial.exists():
        assert process.poll() is None, "the export ended before it could be killed"
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (killed / name).exists()

    for folder in (killed, whole):
        made = export.export_scene(
            "a",
            output=output,
            selection=Selection(window_px=1024),
            exporter=Polygons(file_format=file_format, simplify_m=15.0),
            folder=Location(str(folder)),
        )
        assert isinstance(made, Exported)
    assert (killed / name).read_bytes() == (whole / name).read_bytes()
    assert not partial.parent.exists()
