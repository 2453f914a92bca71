"""Make what other programs open of an output: `mrovseg export OUT --to FORMAT -o FOLDER`."""

import sys
from collections.abc import Sequence
from typing import Annotated

from cyclopts import Parameter

from jobs.run.commands import command, run
from jobs.run.exit_codes import ends_with_code
from jobs.run.exporting.execute import export_all
from jobs.run.exporting.formats import CHANGE, FORMAT_NAMES, FormatFlags, check_flags, make_exporter
from jobs.run.outputs.opened import chosen_classes, opened
from jobs.run.settings.scenes import SceneChoice
from pipeline.errors import ConfigError
from pipeline.export import Selection
from pipeline.storage.location import Location
from pipeline.storage.objects.scene_uris import absolute_uri

APP = command(
    "export",
    usage="OUT [OUT2] --to FORMAT -o FOLDER [flags]",
    about="Make what other programs open of an output; given again, it makes what is left.",
    examples=(
        "mrovseg export out --to cog -o cogs",
        'mrovseg export out --to polygons --classes "water; road" -o maps',
    ),
)


def _all_of_them(_: object) -> str:
    return "all"


Scenes = Annotated[
    tuple[str, ...],
    Parameter(
        help="some scenes: ids, or paths, globs, folders, lists", metavar="SCENES", show_default=_all_of_them
    ),
]
Classes = Annotated[
    str | None,
    Parameter(
        help="some classes, such as 'water; road'; `other` is one too",
        metavar="CLASSES",
        show_default=_all_of_them,
    ),
]


@ends_with_code
def main(argv: Sequence[str]) -> int:
    """Read the flags, export, and say what was made and what is missing."""
    return run(APP, argv)


@APP.default
def export(  # noqa: PLR0913 - the flags of a command
    output: Annotated[str, Parameter(help="what was given to `segment -o`", metavar="OUT")],
    later: Annotated[str | None, Parameter(help="another, for --to change", metavar="OUT2")] = None,
    /,
    *,
    to: Annotated[str, Parameter(help=f"one of {', '.join(FORMAT_NAMES)}", metavar="FORMAT")],
    folder: Annotated[str, Parameter(name=["--output", "-o"], help="a folder or a prefix", metavar="FOLDER")],
    scenes: Scenes = (),
    classes: Classes = None,
    level: Annotated[int, Parameter(help="0 for the scene's own pixels, 1 for half as many a side, ...")] = 0,
    flags: Annotated[FormatFlags, Parameter(name="*")] = FormatFlags(),  # noqa: B008 - it is frozen
) -> int:
    """Export, and say what was made and what is missing."""
    check_flags(to, flags)
    there = Location(absolute_uri(folder))
    chosen = SceneChoice.parse(list(scenes)) if scenes else None
    if to == CHANGE:
        if level:
            raise ConfigError(f"--to {CHANGE} compares pixels of level 0, got --level {level}")
        return _change((output, later or output), flags, there, classes=classes, scenes=chosen)
    if later is not None:
        raise ConfigError(f"a second output, {later}, belongs to --to {CHANGE}, got --to {to}")
    exporter = make_exporter(to, flags)
    source = opened(output)
    selection = Selection(
        window_px=source.window_px, classes=chosen_classes(classes, source.classes), level=level
    )
    return export_all(source.output, exporter=exporter, folder=there, selection=selection, scenes=chosen)


def _change(
    outputs: tuple[str, str],
    flags: FormatFlags,
    folder: Location,
    *,
    classes: str | None,
    scenes: SceneChoice | None,
) -> int:
    from jobs.run.exporting.changing import export_change, known_classes

    sources = opened(outputs[0]), opened(outputs[1])
    chosen = chosen_classes(classes, known_classes(sources))
    return export_change(sources, flags=flags, folder=folder, classes=chosen, scenes=scenes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
