"""A whole output: scene by scene, some at a time, and what belongs to none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice

from pipeline import failures, objects, statistics, store
from pipeline.failure import DAMAGED, Failure
from pipeline.failures import Noted
from pipeline.output import FAILURES, FILES, FOLDERS, SCENES_GROUP, SUMMARY, is_made
from pipeline.verification.findings import Finding, Kind, Made, Report, stray
from pipeline.verification.scenes import Excused, SceneReport, Terms, check_scene
from pipeline.verification.tables import check_table
from pipeline.window import Window

_SCENES = 4  # at a time
_READERS = 16  # windows at a time, over all scenes: a read waits for storage most of its time
_SCENES_AHEAD = 64

Failed = dict[str, set[tuple[int, int]] | str]
"""The places of the windows of a scene that failed; the scene's uri where it failed whole."""


def verify(
    output: str, *, made: Made, finished: bool, tell: Callable[[Report], None] = lambda _: None
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
    summary = statistics.Summary(output, classes=made.classes, failed=failed_whole)
    whole = True
    with ThreadPoolExecutor(_SCENES) as scenes, ThreadPoolExecutor(_READERS) as readers:
        terms = Terms(made, _excuse(failed, finished=finished), finished, readers)
        check = partial(check_scene, output, terms=terms)
        ids = iter(_scene_ids(output, report))
        while some := list(islice(ids, _SCENES_AHEAD)):
            for scene in scenes.map(check, some):
                _add(report, scene)
                for record in scene.summary or ():
                    summary.add(record)
                whole &= scene.summary is not None or not scene.windows
                tell(report)
    if whole and not any(finding.scene_id for finding in report.findings):
        check_table(output, SUMMARY, summary.content(), report, finished=finished)
    return report


def _add(report: Report, scene: SceneReport) -> None:
    report.scenes += 1
    report.windows += scene.windows
    report.left += scene.left
    report.uncommitted += scene.uncommitted
    report.stale += scene.stale
    report.findings += scene.findings


def _scene_ids(output: str, report: Report) -> list[str]:
    """Return the ids of the scenes that anything is held of, sorted; report what lies about."""
    ids: set[str] = set()
    for name, is_file in objects.list_entries(output):
        if is_file and name not in FILES:
            report.findings.append(stray(name))
        elif not is_file and name not in FOLDERS:
            report.findings.append(stray(f"{name}/"))
    suffixes = {"ledger": None, "scenes": None, "inputs": ".json", "statistics": ".parquet"}
    for folder, suffix in suffixes.items():
        for name, is_file in _entries(output, folder):
            if f"{folder}/{name}" == SCENES_GROUP:
                continue
            if is_file == (suffix is not None) and name.endswith(suffix or "") and not name.startswith("."):
                ids.add(name.removesuffix(suffix or ""))
            else:
                report.findings.append(stray(f"{folder}/{name}"))
    return sorted(ids)


def _entries(output: str, folder: str) -> Iterator[tuple[str, bool]]:
    yield from objects.list_entries(objects.join(output, folder))


def _excuse(failed: Failed, *, finished: bool) -> Excused:
    def excused(scene_id: str, window: Window) -> bool:
        if not finished:
            return True
        places = failed.get(scene_id, set())
        return isinstance(places, str) or (window.row_off, window.col_off) in places

    return excused


def _failed(output: str, report: Report, *, finished: bool) -> Failed:
    """Read what failed, report what is no failure, and look whether the table is of all this."""
    _report_strays(output, report)
    failed: Failed = {}

    def tell(noted: Noted, failure: Failure) -> None:
        if failure.error == DAMAGED:
            report.findings.append(_damaged(noted, failure))
        _note(failed, noted, failure)

    table = statistics.failures_table(output, tell=tell)
    check_table(output, FAILURES, table.content, report, finished=finished)
    return failed


def _report_strays(output: str, report: Report) -> None:
    for listed in objects.list_all(objects.join(output, failures.FOLDER)):
        path = f"{failures.FOLDER}/{listed.path}"
        if not is_made(path) or not failures.is_failure(path.rpartition("/")[2]):
            report.findings.append(stray(path))


def _damaged(noted: Noted, failure: Failure) -> Finding:
    return Finding(kind="altered", path=noted.path, message=failure.message, remove=(noted.path, FAILURES))


def _note(failed: Failed, noted: Noted, failure: Failure) -> None:
    if noted.place is None:
        failed[noted.scene_id] = failure.uri
        return
    places = failed.setdefault(noted.scene_id, set())
    if isinstance(places, set):
        places.add(noted.place)


def _check_group(output: str, report: Report, *, finished: bool) -> None:
    """Look at the group of all scenes, which a viewer may have written anew."""
    try:
        if store.is_group(objects.get_bytes(objects.join(output, SCENES_GROUP))):
            return
        kind: Kind = "altered"
    except FileNotFoundError:
        kind = "missing"
    if kind == "missing" and not finished:
        report.stale.append(SCENES_GROUP)
        return
    message, restore = "not the metadata of a group", store.SCENES_DOCUMENT
    report.findings.append(Finding(kind=kind, path=SCENES_GROUP, message=message, restore=restore))
