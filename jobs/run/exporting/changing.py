"""What has changed between two outputs, or two dates of one."""

import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

from jobs.run.exit_codes import ExitCode
from jobs.run.exporting.execute import LISTED_SCENES, make_each, missing_windows, say_lines
from jobs.run.exporting.formats import FormatFlags
from jobs.run.outputs.chosen_scenes import chosen_ids
from jobs.run.outputs.opened import Source
from jobs.run.settings.scenes import SceneChoice
from pipeline.errors import ConfigError, PipelineError
from pipeline.export import Exported, ExportScene, NotExported, Selection, begin, export_scene, open_scene
from pipeline.export.change import ChangeExporter, pair_scenes
from pipeline.output import Output, failures
from pipeline.storage.location import Location

_READERS = 16  # a scene is opened by a few round trips to the storage

Change = tuple[Source, Source]
"""The earlier output and the later one, which may be the same."""


def export_change(
    sources: Change,
    *,
    flags: FormatFlags,
    folder: Location,
    classes: tuple[str, ...] | None,
    scenes: SceneChoice | None,
) -> int:
    """Export what has become of the chosen scenes of the earlier output; returns the exit code."""
    before, after = sources
    if before.output == after.output and not (flags.before and flags.after):
        raise ConfigError("--to change takes two outputs, OUT OUT2, or --before DATE and --after DATE of one")
    selections = [_selection(each, classes) for each in sources]
    chosen = chosen_ids(before.output, scenes)
    opened = [
        _opened(before.output, selections[0], chosen),
        _opened(after.output, selections[1], None),
    ]
    earlier = _dated(before.output, opened[0].scenes, flags.before)
    later = _dated(after.output, opened[1].scenes, flags.after)
    if before.output == after.output and earlier.keys() & later.keys():
        raise ConfigError(f"{flags.before} and {flags.after} name the same scenes: give dates further apart")
    exporters = _exporters(earlier, later, after.output, selections[1])
    begin(folder, before.output)
    make = partial(_export, output=before.output, selection=selections[0], exporters=exporters, folder=folder)
    code = make_each(make, sorted(exporters), exporter=next(iter(exporters.values())), folder=folder)
    lines = [*opened[0].refused, *opened[1].refused, *_unfinished(exporters, later, after.output)]
    say_lines(lines, folder)
    return max(code, ExitCode.DONE_WITH_FAILURES) if lines else code


def known_classes(sources: Change) -> tuple[str, ...]:
    """Return the names of the classes of both, each once."""
    return tuple(dict.fromkeys(name for each in sources for name in each.classes))


def _selection(source: Source, classes: tuple[str, ...] | None) -> Selection:
    chosen = None if classes is None else tuple(name for name in classes if name in source.classes)
    return Selection(window_px=source.window_px, classes=chosen)


def _export(
    scene_id: str,
    *,
    output: Output,
    selection: Selection,
    exporters: Mapping[str, ChangeExporter],
    folder: Location,
) -> Exported | NotExported:
    return export_scene(
        scene_id, output=output, selection=selection, exporter=exporters[scene_id], folder=folder
    )


class _Opened(NamedTuple):
    """The scenes of an output by their ids, and lines about those that cannot be opened."""

    scenes: dict[str, ExportScene]
    refused: list[str]


def _opened(output: Output, selection: Selection, chosen: frozenset[str] | None) -> _Opened:
    ids = [each for each in failures.begun_scenes(output) if chosen is None or each in chosen]

    def open_one(scene_id: str) -> ExportScene | PipelineError:
        try:
            return open_scene(output.scene(scene_id), selection)
        except PipelineError as error:
            return error

    with ThreadPoolExecutor(_READERS) as readers:
        found = dict(zip(ids, readers.map(open_one, ids), strict=True))
    refused = [
        f"{scene_id} of {output} is not compared: {each}"
        for scene_id, each in found.items()
        if isinstance(each, PipelineError)
    ]
    return _Opened({key: each for key, each in found.items() if isinstance(each, ExportScene)}, refused)


def _dated(output: Output, scenes: Mapping[str, ExportScene], date: str | None) -> dict[str, ExportScene]:
    """Return the scenes whose date begins with ``date``, all where it is None."""
    found = {
        key: each
        for key, each in scenes.items()
        if date is None or (each.store.datetime or "").startswith(date)
    }
    if not found:
        dates = sorted({each.store.datetime for each in scenes.values() if each.store.datetime})
        known = ", ".join(dates[:LISTED_SCENES]) or "none"
        raise ConfigError(f"{output} has no scenes of {date or 'any date'}: its dates are {known}")
    return found


def _exporters(
    earlier: Mapping[str, ExportScene], later: Mapping[str, ExportScene], output: Output, selection: Selection
) -> dict[str, ChangeExporter]:
    """Return an exporter for each scene that has others of its place; say which have none."""
    lists = [[(each, scene.header) for each, scene in scenes.items()] for scenes in (earlier, later)]
    pairs = pair_scenes(*lists)
    alone = [scene_id for scene_id, others in pairs.items() if not others]
    if len(alone) == len(pairs):
        raise ConfigError(
            f"no scene of {output} is of the place of an earlier one: there is nothing to compare"
        )
    if alone:
        shown = ", ".join(alone[:LISTED_SCENES])
        print(f"mrovseg: {len(alone):,} scenes have no later one of their place: {shown}", file=sys.stderr)
    return {
        scene_id: ChangeExporter(
            after=output.uri,
            window_px=selection.window_px,
            scenes=tuple((each, later[each].source_digest) for each in others),
            classes=selection.classes,
        )
        for scene_id, others in pairs.items()
        if others
    }


def _unfinished(
    exporters: Mapping[str, ChangeExporter], later: Mapping[str, ExportScene], output: Output
) -> list[str]:
    """Return lines about what later scenes lack."""
    compared = sorted({each for exporter in exporters.values() for each, _ in exporter.scenes})
    return [
        f"{each} of {output}: {missing_windows(len(later[each].done), later[each].windows_missing)}"
        for each in compared
        if later[each].windows_missing != 0
    ]
