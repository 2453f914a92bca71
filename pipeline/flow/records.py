"""What travels between the steps: one record a block, pixels and all, never by way of the driver."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import get_args

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, UInt8

from pipeline.errors import PipelineError, legible
from pipeline.flow import columns
from pipeline.flow.progress.scene_warnings import Found
from pipeline.flow.watch.guard import Guard
from pipeline.flow.watch.registry import Work
from pipeline.geometry.scene import Header, Scene
from pipeline.geometry.view import View
from pipeline.geometry.window import Window
from pipeline.output.failure import Failure
from pipeline.output.inputs import Inputs
from pipeline.raster import Outline
from pipeline.segment import WindowLabels, WindowProposals
from pipeline.sources.naming import Refusal

_TRACEBACK_CHARS = 10_000  # its end, which is where the error was raised


@dataclass(frozen=True, slots=True)
class Split:
    """A planning task's work: of each scene every ``parts``-th window, beginning with window ``part``.

    ``number`` tells it from all others of its list.
    """

    entries: tuple[Scene | Refusal, ...]
    part: int
    parts: int
    number: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """A reading task's work: of a scene every ``parts``-th window from window ``part`` on, if it is left to do.

    ``view`` is how the scene is read, ``outline`` its area of interest; windows outside of it do not count.

    ``left`` has a bit for each of these ``windows``, so that a plan is small however large the scene. ``inputs`` are
    the scene's files as they were when it was planned.
    """

    scene: Scene
    view: View
    outline: Outline | None
    part: int
    parts: int
    windows: int
    left: UInt8[np.ndarray, "bytes"]
    inputs: Inputs


@dataclass(frozen=True, slots=True)
class KeptPlan:
    """Work as ``Plan``, of a scene whose proposals another output keeps; ``inputs_digest`` is of what is noted there.

    The scene's uri is that of the mask store which has them.
    """

    scene: Scene
    view: View
    outline: Outline | None
    part: int
    parts: int
    windows: int
    left: UInt8[np.ndarray, "bytes"]
    inputs_digest: str


@dataclass(frozen=True, slots=True)
class Planned:
    """The windows of a plan, how many of them were done before, and, with its first part, what the scene is."""

    scene_id: str
    windows: int
    skipped: int
    found: Found | None = None


@dataclass(frozen=True, slots=True)
class Pixels:
    """A window that was read: the pixels of the rectangle that covers it, and where they are valid."""

    scene: Scene
    header: Header
    window: Window
    pixels: UInt8[np.ndarray, "y x 3"]
    valid: Bool[np.ndarray, "y x"]
    inputs: Inputs


@dataclass(frozen=True, slots=True)
class KeptWindow:
    """A window that is to be labelled by the proposals that another output keeps of it."""

    scene: Scene
    view: View
    window: Window
    inputs_digest: str


@dataclass(frozen=True, slots=True)
class Masks:
    """A window that was segmented: what was proposed for it, empty if that is not kept, and the labels made of it."""

    scene: Scene
    header: Header
    window: Window
    proposals: WindowProposals
    labels: WindowLabels
    inputs: Inputs


@dataclass(frozen=True, slots=True)
class Done:
    """A window whose masks, statistics and ledger entry are written."""

    scene: Scene
    window: Window


Record = Split | Plan | KeptPlan | Planned | Pixels | KeptWindow | Masks | Done | Failure


_KINDS: Mapping[str, type] = {kind.__name__: kind for kind in get_args(Record)}


def records_of(table: pa.Table) -> Iterator[Record]:
    """Yield the records of a table, of any number of rows, each equal to that of which ``columns.table_of`` made it."""
    for cells in columns.cells_of(table):
        record: Record = columns.record_of(_KINDS[cells[columns.KIND]], cells)
        yield record


def each_record(table: pa.Table, *, step: Callable[[Record], Iterator[Record]]) -> Iterator[pa.Table]:
    """Yield what ``step`` makes of the records of a table, a table each: so ``step`` becomes one of Ray Data."""
    for record in records_of(table):
        yield from map(columns.table_of, step(record))


def attempt(
    step: Callable[[], Record],
    guard: Guard,
    *,
    stage: str,
    scene: Scene,
    window: Window | None,
    part: str | None = None,
) -> Record:
    """Return what ``step`` gives, or why it failed: no window takes the run down with it.

    That a window failed is noted; a whole scene's failure is for its planner to note. ``part`` tells apart what several
    processes do of one scene at once.
    """
    row_off, col_off = (window.row_off, window.col_off) if window else (None, None)
    try:
        return guard.watched(Work(stage, scene.scene_id, row_off, col_off, part), step)
    except Exception as error:  # noqa: BLE001 - whatever it is, it belongs into the failures
        where = asdict(window) if window else {}
        failure = Failure(
            scene_id=scene.scene_id,
            uri=scene.uri,
            error=type(error).__name__,
            message=legible(message_of(error)),  # nothing in them moves a terminal
            stage=stage,
            traceback=legible("".join(traceback.format_exception(error))[-_TRACEBACK_CHARS:]),
        )
        failure = replace(failure, **where)
        return failure if window is None else guard.notes.noted(failure)


def message_of(error: BaseException) -> str:
    """Return what an error says, with its type where its text is not meant for users.

    >>> message_of(KeyError("x"))
    "KeyError: 'x'"
    """
    if isinstance(error, PipelineError):
        return str(error)
    return f"{type(error).__name__}: {error}".removesuffix(": ")
