"""A whole output: scene by scene, some at a time, and what belongs to none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import groupby, islice

from pipeline import statistics, store
from pipeline.audit.verification.findings import Finding, Kind, Provenance, Report, stray
from pipeline.audit.verification.scenes import Excused, SceneReport, Terms, check_scene
from pipeline.audit.verification.tables import check_part, check_table
from pipeline.geometry.window import Window
from pipeline.output import FILES, FOLDERS, Output, SceneOutput, is_made, is_note
from pipeline.output.failure import DAMAGED, Failure
from pipeline.output.failures import Noted
from pipeline.statistics import SceneSum
from pipeline.storage import objects

_SCENES = 4  # at a time
_READERS = 16  # windows at a time, over all scenes: a read waits for storage most of its time
_SCENES_AHEAD = 64

Failed = dict[str, set[tuple[int, int]] | str]
"""The offsets of the windows of a scene that failed; the scene's uri where it failed whole."""


def verify(
    output: Output, *, made: Provenance, finished: bool, tell: Callable[[Report], None] = lambda _: None
) -> Report:
    """Recompute all that ``output`` holds from its masks and compare; ``tell`` is called after each scene.

    ``finished`` says that the last run came to its end: then what is missing and did not fail is a fault, and else it
    is left to do. Nothing is written.

    Raises:
        PipelineError: the storage refused.
    """
    report = Report()
    failed = _failed(output, report, finished=finished)
    _check_group(output, report, finished=finished)
    failed_whole = {scene_id: uri for scene_id, uri in failed.items() if isinstance(uri, str)}
    parts: list[bytes] | None = []
    with ThreadPoolExecutor(_SCENES) as scenes, ThreadPoolExecutor(_READERS) as readers:
        terms = Terms(made, _excuse(failed, finished=finished), finished, readers)
        by_part = sorted(map(output.scene, _scene_ids(output, report)), key=_in_parts)
        for location, of_part in groupby(by_part, key=lambda scene: scene.statistics):
            check = partial(check_scene, terms=replace(terms, kept=statistics.read_part(location)))
            sums = _check_part(output, _ahead(scenes, check, of_part), report, tell, finished=finished)
            parts = None if parts is None or sums is None else [*parts, statistics.packed(sums)]
    if parts is not None and not any(finding.scene_id for finding in report.findings):
        every = statistics.with_failed(statistics.merged(parts), failed_whole, classes=made.classes)
        _check_tables(output, every, made, report, finished=finished)
    return report


def _in_parts(scene: SceneOutput) -> tuple[str, str]:
    """Return by what scenes are put in the order in which their statistics are."""
    return scene.statistics.uri, scene.scene_id


def _ahead(
    pool: ThreadPoolExecutor, check: Callable[[SceneOutput], SceneReport], scenes: Iterator[SceneOutput]
) -> Iterator[SceneReport]:
    """Check scenes some at a time, however many there are."""
    while some := list(islice(scenes, _SCENES_AHEAD)):
        yield from pool.map(check, some)


def _check_part(
    output: Output,
    scenes: Iterable[SceneReport],
    report: Report,
    tell: Callable[[Report], None],
    *,
    finished: bool,
) -> list[SceneSum] | None:
    """Take in what was found of the scenes of a part, and check it; return their sums, None where one is not known."""
    part, sums, whole = statistics.PartWriter(), list[SceneSum](), True
    for scene in scenes:
        _add(report, scene)
        tell(report)
        whole &= scene.sum is not None or not scene.windows
        if scene.sum is not None:
            sums.append(scene.sum)
            if scene.sum.is_begun:
                part.add(scene.scene_id, scene.rows or [], listing=scene.listing, facts=scene.sum.facts)
    begun = next((output.scene(each.scene_id) for each in sums if each.is_begun), None)
    if whole and begun is not None:
        check_part(output, begun.statistics, part, report, finished=finished)
    return sums if whole else None


def _check_tables(
    output: Output, sums: Iterable[SceneSum], made: Provenance, report: Report, *, finished: bool
) -> None:
    """Check the tables of all scenes."""
    tables = statistics.Tables(classes=made.classes, run=made.made_by.get("run"))
    for each in sums:
        tables.add(each)
    for location, content in zip((output.summary, output.items), tables.contents(), strict=True):
        check_table(output, location, content, report, finished=finished)


def _add(report: Report, scene: SceneReport) -> None:
    report.scenes += 1
    report.windows += scene.windows
    report.left += scene.left
    report.uncommitted += scene.uncommitted
    report.stale += scene.stale
    report.findings += scene.findings


def _scene_ids(output: Output, report: Report) -> list[str]:
    """Return the ids of the scenes of which there is anything, sorted; report what belongs to none."""
    ids: set[str] = set()
    for name, is_file in objects.list_entries(output.location):
        if is_file and name not in FILES:
            report.findings.append(stray(name))
        elif not is_file and name not in FOLDERS:
            report.findings.append(stray(f"{name}/"))
    suffixes = {
        output.ledger: "",
        output.scenes: "",
        output.inputs: ".json",
        output.overviews: ".json",
    }
    for folder, suffix in suffixes.items():
        for name, is_file in objects.list_entries(folder):
            if folder.join(name) == output.scenes_group:
                continue
            if is_file == bool(suffix) and name.endswith(suffix) and not name.startswith("."):
                ids.add(name.removesuffix(suffix))
            else:
                report.findings.append(stray(output.path_of(folder.join(name))))
    _report_parts(output, ids, report)
    return sorted(ids)


def _report_parts(output: Output, ids: Iterable[str], report: Report) -> None:
    """Report what lies among the parts of the statistics and is not that of any scene."""
    known = {output.scene(each).statistics.name for each in ids}
    for name, _ in objects.list_entries(output.statistics):
        if name not in known:
            path = output.path_of(output.statistics.join(name))
            report.findings.append(stray(path, ours=is_made(path)))


def _excuse(failed: Failed, *, finished: bool) -> Excused:
    def excused(scene_id: str, window: Window) -> bool:
        if not finished:
            return True
        offsets = failed.get(scene_id, set())
        return isinstance(offsets, str) or (window.row_off, window.col_off) in offsets

    return excused


def _failed(output: Output, report: Report, *, finished: bool) -> Failed:
    """Read what failed, report what is no failure, and look whether the table is of all this."""
    _report_strays(output, report)
    failed: Failed = {}

    def tell(noted: Noted, failure: Failure) -> None:
        if failure.error == DAMAGED:
            report.findings.append(_damaged(output, noted, failure))
        _note(failed, noted, failure)

    table = statistics.failures_table(output, tell=tell)
    check_table(output, output.failures, table.content, report, finished=finished)
    return failed


def _report_strays(output: Output, report: Report) -> None:
    for listed in objects.list_all(output.failure_notes):
        path = output.path_of(output.failure_notes.join(listed.path))
        if not is_made(path) or not is_note(path.rpartition("/")[2]):
            report.findings.append(stray(path))


def _damaged(output: Output, noted: Noted, failure: Failure) -> Finding:
    path = output.path_of(noted.location(output))
    remove = (path, output.path_of(output.failures))
    return Finding(kind="altered", path=path, message=failure.message, remove=remove)


def _note(failed: Failed, noted: Noted, failure: Failure) -> None:
    if noted.offsets is None:
        failed[noted.scene_id] = failure.uri
        return
    offsets = failed.setdefault(noted.scene_id, set())
    if isinstance(offsets, set):
        offsets.add(noted.offsets)


def _check_group(output: Output, report: Report, *, finished: bool) -> None:
    """Check the group of all scenes, which a viewer may have written anew."""
    path = output.path_of(output.scenes_group)
    try:
        if store.is_group(objects.get_bytes(output.scenes_group)):
            return
        kind: Kind = "altered"
    except FileNotFoundError:
        kind = "missing"
    if kind == "missing" and not finished:
        report.stale.append(path)
        return
    message, restore = "not the metadata of a group", store.SCENES_DOCUMENT
    report.findings.append(Finding(kind=kind, path=path, message=message, restore=restore))
