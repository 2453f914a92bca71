"""Say what `mrovseg segment` would have to do, and do nothing: `mrovseg plan SCENES...`."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from jobs import table
from jobs.exit_codes import ExitCode, ends_with_code
from jobs.reading_settings import reading_settings
from jobs.settings import add_arguments, asked, flow_settings, scenes_of
from mrovseg import checkpoint as checkpoints
from pipeline import raster
from pipeline.chips import ChipLayout, count_chips
from pipeline.config import PLAIN, Reading
from pipeline.errors import ConfigError, RasterError
from pipeline.grid import plan_windows
from pipeline.scene import Scene
from pipeline.sources import list_scenes
from pipeline.view import View
from pipeline.window import Window


@dataclass(frozen=True, slots=True)
class ScenePlan:
    """What one scene costs: network inputs are `chips`; `size_bytes` is its file's."""

    scene_id: str
    height: int
    width: int
    windows: int
    chips: int
    size_bytes: int

    @property
    def pixels(self) -> int:
        """Pixels of the scene."""
        return self.height * self.width


@ends_with_code
def main(argv: Sequence[str]) -> int:
    """Print a line a scene and a sum; a scene that cannot be read is named with its reason."""
    parser = argparse.ArgumentParser(prog="mrovseg plan", description=__doc__)
    add_arguments(parser)
    values = asked(parser.parse_args(argv))
    if not values.get("scenes"):
        raise ConfigError("scenes must be given, as arguments or in the --config file")
    window_px, reading = flow_settings(values).window_px, reading_settings(values)
    config = checkpoints.load(values.get("checkpoint", checkpoints.EMBEDDED)).config
    layout = ChipLayout(core_px=config.core_px, halo_px=config.halo_px)
    plans, broken = [], False
    for scene in list_scenes(scenes_of(values["scenes"])):
        try:
            plans.append(plan_scene(scene, window_px=window_px, layout=layout, reading=reading))
        except RasterError as error:
            broken = True
            print(f"mrovseg: {error}", file=sys.stderr)
    print(_table(plans))
    return ExitCode.DONE_WITH_FAILURES if broken else ExitCode.DONE


def plan_scene(scene: Scene, *, window_px: int, layout: ChipLayout, reading: Reading = PLAIN) -> ScenePlan:
    """Count a scene's windows and chips from its header.

    Raises RasterError when it cannot be opened, or has no place for what is asked.
    """
    view = raster.describe(scene, reading)
    header, windows = view.header, windows_of(view, window_px=window_px, reading=reading)
    return ScenePlan(
        scene_id=scene.scene_id,
        height=header.height,
        width=header.width,
        windows=len(windows),
        chips=sum(count_chips(window, layout) for window in windows),
        size_bytes=raster.read_input(scene.uri).size_bytes,
    )


def windows_of(view: View, *, window_px: int, reading: Reading) -> list[Window]:
    """Return the windows of a scene that a run would do: all of them, or those that touch the area of interest."""
    every = plan_windows(view.header.height, view.header.width, window_px=window_px)
    if reading.aoi is None:
        return list(every)
    return list(filter(raster.outline_of(view, reading.aoi).touches, every))


def _table(plans: Sequence[ScenePlan]) -> str:
    lines = [[p.scene_id, p.height, p.width, p.windows, p.pixels, p.chips, p.size_bytes] for p in plans]
    sums = [sum(column) for column in zip(*((line[3:]) for line in lines), strict=True)] or [0, 0, 0, 0]
    header = ["scene", "rows", "columns", "windows", "pixels", "chips", "file bytes"]
    return table.render(header, [*lines, ["sum", "", "", *sums]])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
