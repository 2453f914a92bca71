"""Say what scenes' headers say and how their pixels would be read: `mrovseg inspect SCENES...`."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from jobs.run.commands import command, run
from jobs.run.exit_codes import ExitCode, ends_with_code
from jobs.run.proxies import check_proxies
from jobs.run.settings.flags import takes_settings
from jobs.run.settings.keys import build
from jobs.run.settings.segment import scene_list
from jobs.show.picture import save_small
from pipeline import raster
from pipeline.config import FlowSettings, Reading
from pipeline.errors import RasterError
from pipeline.geometry.areas import ground_size_m
from pipeline.geometry.scene import Scene
from pipeline.geometry.view import View
from pipeline.redact import redacted
from pipeline.sources.naming import Refusal

PICTURE_PX = 512
MICROSCOPIC_M = 1e-3


APP = command(
    "inspect",
    usage="SCENES... [OPTIONS]",
    about="Say what scenes' headers say and how their pixels would be read, with the flags of `segment`.",
    examples=("mrovseg inspect scene.tif", "mrovseg inspect scenes/ --bands 4,3,2 --pictures small --json"),
)


@ends_with_code
def main(argv: Sequence[str]) -> int:
    """Print a few lines a scene; a scene that would be refused is named with its reason."""
    return run(APP, argv)


@APP.default
@takes_settings()
def inspect(
    values: dict[str, Any],
    *,
    as_json: Annotated[bool, Parameter(name="--json", help="print one JSON object a line instead")] = False,
    pictures: Annotated[
        Path | None, Parameter(help="a small picture of each scene as it is read", metavar="FOLDER")
    ] = None,
) -> int:
    """Look at scenes by merged values, and print a few lines each."""
    scenes = scene_list(values)
    window_px, reading = build(FlowSettings, values).window_px, build(Reading, values)
    check_proxies(scenes)
    scenes.check()
    refused = False
    for entry in scenes:
        try:
            found = _describe(entry, pictures, window_px=window_px, reading=reading)
        except RasterError as error:
            refused, found = True, {"uri": redacted(entry.uri), "error": str(error)}
        print(json.dumps(found) if as_json else _lines(found))
    return ExitCode.DONE_WITH_FAILURES if refused else ExitCode.DONE


def _describe(
    entry: Scene | Refusal, pictures: Path | None, *, window_px: int, reading: Reading
) -> dict[str, Any]:
    """Return a scene's facts, and draw it where pictures are wanted."""
    if isinstance(entry, Refusal):
        raise RasterError(entry.reason)
    view = raster.view_of(entry, reading)
    found = facts(entry, view, window_px=window_px, reading=reading)
    if pictures:
        _draw(pictures / f"{entry.scene_id}.png", view, reading)
    return found


def facts(scene: Scene, view: View, *, window_px: int, reading: Reading) -> dict[str, Any]:
    """Return plain values: what the header says, and what the policy makes of it.

    Raises RasterError when the scene has no place for what is asked.
    """
    header, outline = view.header, raster.outlined(view, reading)
    windows = sum(1 for _ in raster.windows_of(view, outline, window_px=window_px))
    return {
        "scene_id": scene.scene_id,
        "uri": redacted(scene.uri),
        "size_bytes": sum(raster.read_input(uri, reading).size_bytes for uri in view.uris),
        "height": header.height,
        "width": header.width,
        "file_bands": header.bands,
        "dtype": header.dtype,
        "crs": header.crs_wkt,
        "transform": list(header.transform),
        "placed_by": view.placed,
        "gsd_m": ground_size_m(header),
        "bands": [{"uri": redacted(band.uri), "number": band.number} for band in view.bands],
        "colours": view.colours,
        "ranges": [None if limits is None else list(limits) for limits in view.ranges],
        "without_data": list(view.validity),
        "overview": None if view.base is None else view.base.overview,
        "windows": windows,
        "decoded_bytes": header.height * header.width * 3,
        "warnings": [
            *view.warnings,
            *(["aoi does not touch it"] if outline is not None and not windows else []),
        ],
    }


def _lines(found: dict[str, Any]) -> str:
    """Lay a scene's facts out for reading: a name and what it is, a line each."""
    if "error" in found:
        return f"{found['uri']}\n  refused       {found['error']}\n"
    crs, size_m = found["crs"], found["gsd_m"]
    named = "none" if crs is None else crs.split('"')[1]
    lines = {
        "size": f"{found['height']:,} rows x {found['width']:,} columns, {found['size_bytes']:,} bytes",
        "stored": f"{found['file_bands']} bands of {found['dtype']}",
        "read": f"{found['colours']} of bands {', '.join(str(band['number']) for band in found['bands'])}",
        "0 and 255": "; ".join(
            "as stored" if one is None else f"{one[0]:g}, {one[1]:g}" for one in found["ranges"]
        ),
        "without data": ", ".join(found["without_data"]) or "nothing",
        "CRS": f"{named}, by {found['placed_by']}",
        "ground size": _length(size_m),
        "windows": f"{found['windows']:,}",
        "warnings": "; ".join(found["warnings"]) or "none",
    }
    return "\n".join([found["uri"], *(f"  {name:13} {text}" for name, text in lines.items()), ""])


def _length(size_m: float | None) -> str:
    if size_m is None:
        return "unknown"
    return f"{size_m:.3f} m" if size_m >= MICROSCOPIC_M else f"{size_m * 1e6:.3f} µm"


def _draw(path: Path, view: View, reading: Reading) -> None:
    save_small(path, *raster.read_small(view, PICTURE_PX, reading))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
