"""Paint a scene, segment it by five words, compare with the painted truth, draw a picture: `mrovseg demo`."""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from jobs.run.commands import command, run
from jobs.run.exit_codes import ExitCode, ends_with_code
from jobs.run.settings.segment import SegmentSettings
from jobs.show import picture, table
from jobs.show.class_table import class_table
from mrovseg.data.definition import Definition
from mrovseg.evaluation.metrics import Confusion
from pipeline import raster, store
from pipeline.config import FlowSettings
from pipeline.geometry.scene import Scene
from pipeline.geometry.window import Window
from pipeline.output import Output
from pipeline.sources import SceneList
from pipeline.sources.naming import scene_of
from pipeline.testing.painted import LAND_COVER, paint_scene

FOLDER = Path("demo-out")
SEED = 1000  # training paints seeds below 1000 only
SIDE_PX = 2048
WHOLE = Window(0, 0, SIDE_PX, SIDE_PX)
# Windows of a quarter of the scene, so that two actors have something to do.
FLOW = FlowSettings(window_px=SIDE_PX // 2, chunk_px=SIDE_PX // 4)


APP = command(
    "demo",
    usage="",
    about="Paint a scene, segment it by five words, compare with the painted truth, draw a picture.",
    examples=("mrovseg demo",),
)


@ends_with_code
def main(argv: Sequence[str]) -> int:
    """Read the flags, of which there are none, and run."""
    return run(APP, argv)


@APP.default
def demo() -> int:
    """Run the main job on a painted scene and say how well it did."""
    from jobs.run.execute import run_segmentation

    scene, pixels, truth = _paint()
    output = Output(str(FOLDER / "masks"))
    shutil.rmtree(output.uri, ignore_errors=True)  # an earlier demo's, perhaps of another checkpoint
    land_cover = Definition.named("land-cover").vocabulary
    result = run_segmentation(
        SegmentSettings(scenes=SceneList((scene.uri,)), vocabulary=land_cover, output=output, flow=FLOW)
    )
    if result.failures:
        print(f"mrovseg: {result.failures}", file=sys.stderr)
        return ExitCode.DONE_WITH_FAILURES
    made = output.scene(scene.scene_id)
    mask = store.read(made, "class", WHOLE)
    print(class_table(output))
    print(f"\nagreement with the painted truth\n{_agreement(mask, truth, land_cover.names)}")
    picture.draw(FOLDER / "demo.png", scene=pixels, mask=mask, truth=truth, names=land_cover.names)
    print(f"\nscene:   {scene.uri}\nmasks:   {made.masks}\npicture: {(FOLDER / 'demo.png').absolute()}")
    return ExitCode.DONE


def _paint() -> tuple[Scene, UInt8[np.ndarray, "y x 3"], UInt8[np.ndarray, "y x"]]:
    """Paint the scene; returns it, its pixels, and the class ids of the land-cover vocabulary."""
    path, truth_path = FOLDER / "painted.tif", FOLDER / "truth.tif"
    paint_scene(path, height=SIDE_PX, width=SIDE_PX, seed=SEED, truth_path=truth_path)
    pixels, _ = raster.read(str(path), WHOLE)
    truth, _ = raster.read(str(truth_path), WHOLE)
    return scene_of(str(path)), pixels, LAND_COVER[truth[..., 0]]


def _agreement(mask: UInt8[np.ndarray, "y x"], truth: UInt8[np.ndarray, "y x"], names: Sequence[str]) -> str:
    """Intersection over union by class, and their mean; pixels whose truth is 255 do not count."""
    confusion = Confusion(len(names))
    confusion.add(mask, truth)
    lines = [(name, f"{iou:.3f}") for name, iou in zip(names, confusion.iou, strict=True)]
    return table.render(["class", "IoU"], [*lines, ("mean", f"{confusion.miou:.3f}")])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
