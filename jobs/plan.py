"""Say what `mrovseg segment` would have to do, and do nothing: `mrovseg plan SCENES...`.

A scene's size stands in its file, which must be opened for it. Of a long list only the first are, and that is said.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from cyclopts import Parameter

from jobs.run.commands import command, run
from jobs.run.exit_codes import ExitCode, ends_with_code
from jobs.run.precheck import MISSED, finer_than
from jobs.run.proposals import chip_layout
from jobs.run.proxies import check_proxies
from jobs.run.settings.flags import takes_settings
from jobs.run.settings.keys import build, keys_of
from jobs.run.settings.segment import SegmentSettings, scene_list
from jobs.show import table
from mrovseg.weights.header import EMBEDDED, read_config
from pipeline import raster
from pipeline.config import PLAIN, FlowSettings, Reading
from pipeline.errors import RasterError
from pipeline.geometry.chips import ChipLayout, count_chips
from pipeline.geometry.scene import Scene
from pipeline.redact import redacted
from pipeline.sources import SceneList
from pipeline.sources.naming import Refusal

OPENED = 1000


@dataclass(frozen=True, slots=True)
class ScenePlan:
    """What one scene costs: network inputs are `chips`; `size_bytes` is its files', `upsampling` see `raster`."""

    scene_id: str
    height: int
    width: int
    windows: int
    chips: int
    size_bytes: int
    upsampling: float = 1.0

    @property
    def pixels(self) -> int:
        """Pixels of the scene."""
        return self.height * self.width


APP = command(
    "plan",
    usage="SCENES... [OPTIONS]",
    about="Say what `mrovseg segment` would have to do, and do nothing.\n\n"
    "It takes the flags of `segment`. A scene's size stands in its file, which must be opened for it: of a long list "
    "only the first are.",
    examples=("mrovseg plan scenes/ --window-px 4096", "mrovseg plan s3://bucket/list.txt --gsd 0.5 --all"),
)


@ends_with_code
def main(argv: Sequence[str]) -> int:
    """Print a line a scene and a sum; a scene that cannot be read is named with its reason."""
    return run(APP, argv)


@APP.default
@takes_settings()
def plan(
    values: dict[str, Any],
    *,
    every: Annotated[
        bool, Parameter(name="--all", help=f"open every scene, not only the first {OPENED}")
    ] = False,
) -> int:
    """Count by merged values, print a line a scene and a sum."""
    scenes = scene_list(values)
    flow, reading = build(FlowSettings, values), build(Reading, values)
    config = read_config(keys_of(SegmentSettings)["checkpoint"].read(values.get("checkpoint", EMBEDDED)))
    layout = chip_layout(config, overlap_px=flow.overlap_px)
    check_proxies(scenes)
    scenes.check()
    found = Plan(flow.window_px, layout, reading, most=None if every else OPENED)
    found.take(scenes)
    print(_table(found.scenes))
    for warning in found.warnings():
        print(f"mrovseg: {redacted(warning)}", file=sys.stderr)
    if found.unopened:
        print(
            f"opened: the first {len(found.scenes):,} of {len(found.scenes) + found.unopened:,} scenes; the sum is of "
            "these, and --all opens every one"
        )
    return ExitCode.DONE_WITH_FAILURES if found.broken else ExitCode.DONE


class Plan:
    """What is known of a list of scenes of which the first `most` are opened (None: all)."""

    def __init__(self, window_px: int, layout: ChipLayout, reading: Reading, *, most: int | None) -> None:
        self.scenes: list[ScenePlan] = []
        self.unopened = self.broken = 0
        self._window_px, self._layout, self._reading, self._most = window_px, layout, reading, most

    def take(self, entries: SceneList) -> None:
        """Count scenes; one that cannot be read is named with its reason."""
        for entry in entries:
            if self._most is not None and len(self.scenes) + self.broken >= self._most:
                self.unopened += 1
                continue
            try:
                self.scenes.append(self._opened(entry))
            except RasterError as error:
                self.broken += 1
                print(f"mrovseg: {error}", file=sys.stderr)

    def warnings(self) -> list[str]:
        """Return what the user may want to ask otherwise."""
        missed = self._reading.aoi is not None and self.scenes and not any(one.windows for one in self.scenes)
        return [
            *finer_than([(one.scene_id, one.pixels, one.upsampling) for one in self.scenes], self._reading),
            *([MISSED] if missed else []),
        ]

    def _opened(self, entry: Scene | Refusal) -> ScenePlan:
        if isinstance(entry, Refusal):
            raise RasterError(entry.reason)
        return plan_scene(entry, window_px=self._window_px, layout=self._layout, reading=self._reading)


def plan_scene(scene: Scene, *, window_px: int, layout: ChipLayout, reading: Reading = PLAIN) -> ScenePlan:
    """Count a scene's windows and chips from its header.

    Raises RasterError when it cannot be opened, or has no place for what is asked.
    """
    view = raster.describe(scene, reading)
    header, outline = view.header, raster.outlined(view, reading)
    windows = list(raster.windows_of(view, outline, window_px=window_px))
    return ScenePlan(
        scene_id=scene.scene_id,
        height=header.height,
        width=header.width,
        windows=len(windows),
        chips=sum(count_chips(window, layout, scene_px=(header.height, header.width)) for window in windows),
        size_bytes=sum(raster.read_input(uri, reading).size_bytes for uri in scene.files),
        upsampling=raster.upsampling(view.base),
    )


def _table(plans: Sequence[ScenePlan]) -> str:
    lines = [[p.scene_id, p.height, p.width, p.windows, p.pixels, p.chips, p.size_bytes] for p in plans]
    sums = [sum(column) for column in zip(*((line[3:]) for line in lines), strict=True)] or [0, 0, 0, 0]
    header = ["scene", "rows", "columns", "windows", "pixels", "chips", "file bytes"]
    return table.render(header, [*lines, ["sum", "", "", *sums]])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
