"""One scene: its plan, its ledger, its store and its statistics."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any

from pipeline import raster, statistics, store
from pipeline.audit.verification.findings import Finding, Kind, Provenance, stray
from pipeline.audit.verification.overviews import Overviews, is_of_level
from pipeline.audit.verification.scene_notes import read_scene_note
from pipeline.audit.verification.windows import Checked, check_window
from pipeline.geometry.scene import Header
from pipeline.geometry.view import View
from pipeline.geometry.window import Window
from pipeline.output import (
    MASKS,
    Plan,
    SceneOutput,
    offsets_of,
    plan_of,
)
from pipeline.statistics import KeptPart, SceneSum
from pipeline.storage import objects
from pipeline.storage.objects import Listed

_AHEAD = 64  # windows that are checked at a time
_CHUNK = re.compile(r"(?P<array>[a-z0-9]+/[a-z]+)/c/(?P<row>\d+)/(?P<col>\d+)(/0)*")

Excused = Callable[[str, Window], bool]
"""Tells whether a window of a scene may be missing: because it failed, or because no run has ended yet."""


@dataclass(slots=True)
class SceneReport:
    """What was found of a scene, the rows of its statistics by its ledger's ``listing``, and its sum.

    They are None where nothing tells them.
    """

    scene_id: str
    windows: int = 0
    left: int = 0
    uncommitted: int = 0
    stale: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    plan: Plan | None = None
    rows: list[dict[str, Any]] | None = None
    listing: str = ""
    sum: SceneSum | None = None

    @property
    def of_plan(self) -> tuple[int, int | None]:
        """How many windows of the plan are done, and how many are not."""
        return statistics.windows_of(self.plan, done=self.windows)


@dataclass(frozen=True, slots=True)
class Terms:
    """How an output is checked: what made it, what may be missing, whether a run has finished, and by whom.

    ``kept`` is the part of the statistics that has the scenes, None where there is none.
    """

    made: Provenance
    excused: Excused
    finished: bool
    readers: ThreadPoolExecutor
    kept: KeptPart | None = None


def check_scene(scene: SceneOutput, terms: Terms) -> SceneReport:
    """Check all that the output holds of a scene.

    Raises:
        PipelineError: the storage refused.
    """
    report = SceneReport(scene.scene_id)
    entries, plans = _ledger(scene, report)
    note = read_scene_note(scene, plans)
    report.findings += note.findings
    if note.view is None:
        return report
    layout = store.StoreLayout(
        header=note.view.header,
        name=scene.scene_id,
        classes=terms.made.classes,
        colors=terms.made.colors,
        chunk_px=terms.made.chunk_px,
        contents=terms.made.contents,
        origin=statistics.origin(note.view),
        made_by=terms.made.made_by,
    )
    documents = store.documents(layout)
    done, report.plan = set(entries), note.plan
    listing = statistics.listing_digest(entries.values()) if entries else ""
    _check_windows(scene, report, terms, note.view, entries, documents)
    leveled = store.documents(layout, levels=store.count_levels(note.view.header))
    roots = [
        store.marked(each["zarr.json"], complete=report.of_plan[1] == 0) for each in (documents, leveled)
    ]
    of_levels = _check_store(
        scene, report, documents, roots=roots, header=note.view.header, terms=terms, done=done
    )
    Overviews(scene, leveled, documents["zarr.json"], listing, terms.finished).check(of_levels, report)
    return report


def _ledger(scene: SceneOutput, report: SceneReport) -> tuple[dict[tuple[int, int], Listed], list[Plan]]:
    """List a scene's ledger: entries by their windows' offsets, and plans."""
    entries: dict[tuple[int, int], Listed] = {}
    plans: list[Plan] = []
    for listed in objects.list_all(scene.ledger):
        offsets, plan = offsets_of(listed.path), plan_of(listed.path)
        if offsets is not None:
            entries[offsets] = listed
        elif plan is not None:
            plans.append(plan)
        else:
            path = scene.output.path_of(scene.ledger.join(listed.path))
            report.findings.append(stray(path, scene_id=scene.scene_id))
    return entries, plans


def _check_windows(
    scene: SceneOutput,
    report: SceneReport,
    terms: Terms,
    view: View,
    entries: dict[tuple[int, int], Listed],
    documents: Mapping[str, bytes],
) -> None:
    """Check the windows that are done, in row-major order, and the statistics with them."""
    report.listing, there = statistics.listing_digest(entries.values()), bool(entries)
    rows: list[dict[str, Any]] | None = []
    gone = terms.finished and not _was_so(scene, report.listing, terms.kept, there=there)
    check = partial(check_window, scene, made=terms.made, header=view.header, documents=documents)
    for checked in _ahead(terms.readers, check, _done(scene, view, entries, report, terms, gone)):
        report.windows += 1
        report.findings += checked.findings
        if checked.entry is None:
            rows = None
        elif rows is not None:
            rows += statistics.scene_rows(scene.scene_id, checked.entry)
    report.findings += [_off_the_grid(scene, offsets) for offsets in entries]
    if rows is None or entries:
        return
    if there or report.of_plan[1]:
        report.rows, facts = rows, statistics.facts_of(scene, view, rows)
        report.sum = statistics.scene_sum(
            scene.scene_id, rows, facts=facts, classes=terms.made.classes, windows=report.of_plan
        )


def _done(
    scene: SceneOutput,
    view: View,
    entries: dict[tuple[int, int], Listed],
    report: SceneReport,
    terms: Terms,
    gone: bool,  # noqa: FBT001 - of one caller
) -> Iterator[Window]:
    """Yield the windows that are done and take their entries out; count or report those that are not."""
    outline = None if terms.made.aoi is None else raster.outline_of(view, terms.made.aoi)
    for window in raster.windows_of(view, outline, window_px=terms.made.window_px):
        if entries.pop((window.row_off, window.col_off), None) is not None:
            yield window
        elif not gone or terms.excused(report.scene_id, window):
            report.left += 1
        else:
            path = scene.output.path_of(scene.entry(window.row_off, window.col_off))
            message = "it was there when the last run ended, which did not name it as failed"
            statistic = scene.output.path_of(scene.statistics)
            report.findings.append(
                Finding(
                    kind="missing", path=path, message=message, scene_id=report.scene_id, remove=(statistic,)
                )
            )


def _was_so(scene: SceneOutput, listing: str, kept: KeptPart | None, *, there: bool) -> bool:
    """Tell whether the scene's statistics are of the ledger as it is: then nothing is gone since a run ended."""
    was = None if kept is None else kept.listing(scene.scene_id)
    return not there if was is None else was == listing


def _off_the_grid(scene: SceneOutput, offsets: tuple[int, int]) -> Finding:
    return stray(scene.output.path_of(scene.entry(*offsets)), scene_id=scene.scene_id, ours=True)


def _ahead(
    readers: ThreadPoolExecutor, check: Callable[[Window], Checked], windows: Iterable[Window]
) -> Iterator[Checked]:
    """Check windows some at a time, however many there are."""
    every = iter(windows)
    while some := list(islice(every, _AHEAD)):
        yield from readers.map(check, some)


def _check_store(  # noqa: PLR0913 - each by its name
    scene: SceneOutput,
    report: SceneReport,
    documents: Mapping[str, bytes],
    *,
    roots: Sequence[bytes],
    header: Header,
    terms: Terms,
    done: set[tuple[int, int]],
) -> list[str]:
    """List the scene's store: what was laid out must be there, and chunks belong to windows of the grid.

    The root is one of ``roots``: it tells of overviews or does not. Returns the keys of coarser levels.
    """
    of_levels: list[str] = []
    root = scene.output.path_of(scene.masks)
    there = set()
    arrays = {array.path: array for array in terms.made.contents.arrays.values()}
    for listed in objects.list_all(scene.folder):
        key = listed.path.removeprefix(f"{MASKS}/")
        chunk = _CHUNK.fullmatch(key) if key != listed.path else None
        chunk = chunk if chunk is not None and chunk["array"] in arrays else None
        if key != listed.path and is_of_level(key):
            of_levels.append(key)
        elif chunk is not None and _is_on_grid(chunk, arrays[chunk["array"]], header, terms.made):
            report.uncommitted += _window_offsets(chunk, terms.made) not in done
        elif key in documents and key != listed.path:
            there.add(key)
        else:
            path = scene.output.path_of(scene.folder.join(listed.path))
            report.findings.append(stray(path, scene_id=scene.scene_id, ours=chunk is not None))
    for key, data in documents.items():
        if key in there:
            found = objects.get_bytes(scene.masks.join(key))
            right = [data] if key != "zarr.json" else roots
            if not terms.finished and key == "zarr.json" and _is_marked_otherwise(found, roots):
                report.stale.append(f"{root}/{key}")
            elif found not in right:
                report.findings.append(_of_layout("altered", root, key, report.scene_id))
        elif done:
            report.findings.append(_of_layout("missing", root, key, report.scene_id))
    return of_levels


def _is_marked_otherwise(root: bytes, wanted: Sequence[bytes]) -> bool:
    """Tell whether a store's root is as it should be, but for whether the scene is complete."""
    either = {store.marked(each, complete=complete) for each in wanted for complete in (False, True)}
    return root not in wanted and root in either


def _of_layout(kind: Kind, root: str, key: str, scene_id: str) -> Finding:
    """Return a finding of what is laid out again where the root is missing."""
    path = f"{root}/{key}"
    gone = tuple(dict.fromkeys((f"{root}/zarr.json", path)))
    return Finding(kind=kind, path=path, message="not as it was laid out", scene_id=scene_id, remove=gone)


def _is_on_grid(chunk: re.Match[str], array: store.StoredArray, header: Header, made: Provenance) -> bool:
    row, col = int(chunk["row"]), int(chunk["col"])
    whole = chunk[0] == array.chunk(row, col)
    return whole and row * made.chunk_px < header.height and col * made.chunk_px < header.width


def _window_offsets(chunk: re.Match[str], made: Provenance) -> tuple[int, int]:
    """Return where the window of a chunk begins."""
    row, col = (
        int(number) * made.chunk_px // made.window_px * made.window_px
        for number in (chunk["row"], chunk["col"])
    )
    return row, col
