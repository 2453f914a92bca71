"""One window: its entry recomputed from its stored chunks must be the entry, byte by byte."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt

from pipeline import statistics, store
from pipeline.audit.verification.findings import Finding, Kind, Provenance
from pipeline.geometry.areas import pixel_areas_m2
from pipeline.geometry.scene import Header
from pipeline.geometry.window import Window
from pipeline.output import SceneOutput, ledger
from pipeline.output.ledger import LedgerEntry
from pipeline.storage import objects
from pipeline.store.chunks import chunks_digest


@dataclass(frozen=True, slots=True)
class Checked:
    """What is wrong with a window, and the entry that it should have; None where nothing tells."""

    findings: tuple[Finding, ...]
    entry: LedgerEntry | None


@dataclass(frozen=True, slots=True)
class _Array:
    """One array of a window as it is stored: its digests, its values if they are of masks, what is wrong."""

    digests: Mapping[str, str]
    values: UInt[np.ndarray, "y x"] | None
    findings: tuple[Finding, ...]


def check_window(
    scene: SceneOutput, window: Window, *, made: Provenance, header: Header, documents: Mapping[str, bytes]
) -> Checked:
    """Read a window's entry and chunks and recompute the one from the others.

    ``documents`` is the layout of the scene's store as it should be: a damaged one cannot mislead.

    Raises:
        PipelineError: the storage refused.
    """
    at = scene.entry(window.row_off, window.col_off)
    entry_path, root = scene.output.path_of(at), scene.output.path_of(scene.masks)
    try:
        content = objects.get_bytes(at, limit_bytes=objects.OWN_BYTES)
    except FileNotFoundError:
        return Checked((), None)  # gone since it was listed
    entry = _parsed(content)
    of = (window, entry_path, entry)
    arrays = {
        name: _array(root, name, array, _chunks(scene, array, window, made), documents, of)
        for name, array in made.contents.arrays.items()
    }
    findings = tuple(finding for array in arrays.values() for finding in array.findings)
    recomputed = _recomputed(window, arrays, made=made, header=header)
    if findings:
        return Checked(findings, entry)
    if recomputed is None or content != ledger.entry_bytes(window, recomputed.digests, recomputed.statistics):
        return Checked(
            (_of_window("altered", entry_path, "not what its masks give", entry_path),), recomputed
        )
    return Checked((), recomputed)


def _array(
    root: str,
    name: str,
    array: store.StoredArray,
    chunks: Mapping[str, bytes | None],
    documents: Mapping[str, bytes],
    of: tuple[Window, str, LedgerEntry | None],
) -> _Array:
    """Compare an array's stored bytes with what the entry says of them, and decode it if it is of masks."""
    window, entry_path, entry = of
    missing = [key for key, data in chunks.items() if data is None]
    if missing:
        lost = (_of_window("missing", f"{root}/{key}", "its window is done", entry_path) for key in missing)
        return _Array({}, None, tuple(lost))
    present = {key: data for key, data in chunks.items() if data is not None}
    stored = chunks_digest((key, hashlib.sha256(data).hexdigest()) for key, data in present.items())
    digests, values = {f"{name}.chunks": stored}, None
    path = f"{root}/{array.path} of {_at(window)}"
    if not array.inner_axes:
        try:
            values = store.decoded(documents, present, array, window)
        except Exception as error:  # noqa: BLE001 - a codec fails in its own way
            return _Array({}, None, (_of_window("altered", path, f"cannot be decoded: {error}", entry_path),))
        digests[name] = hashlib.sha256(values.data).hexdigest()
    if entry is not None and entry.digests.get(f"{name}.chunks") != stored:
        message = f"not the bytes that {entry_path} tells"
        return _Array(digests, values, (_of_window("altered", path, message, entry_path),))
    return _Array(digests, values, ())


def _recomputed(
    window: Window, arrays: Mapping[str, _Array], *, made: Provenance, header: Header
) -> LedgerEntry | None:
    """Return the entry of what is stored; None where that cannot be."""
    mask, score = arrays["class"].values, arrays["score"].values
    if mask is None or score is None:
        return None
    try:
        counted = statistics.window_statistics(
            mask,
            score,
            pixel_areas_m2(header, window),
            classes=made.classes,
            nodata=int(np.iinfo(mask.dtype).max),
            score_stride_px=made.contents.score_stride_px,
        )
    except ValueError:  # a class id that there is not
        return None
    digests = {key: digest for array in arrays.values() for key, digest in array.digests.items()}
    return LedgerEntry(window, digests, counted)


def _chunks(
    scene: SceneOutput, array: store.StoredArray, window: Window, made: Provenance
) -> dict[str, bytes | None]:
    """Return the stored bytes of each chunk of the window by its key, None for a missing one."""
    found: dict[str, bytes | None] = {}
    for row, col in store.chunk_numbers(window, chunk_px=made.chunk_px):
        key = array.chunk(row, col)
        try:
            found[key] = objects.get_bytes(scene.masks.join(key))
        except FileNotFoundError:
            found[key] = None
    return found


def _parsed(content: bytes) -> LedgerEntry | None:
    try:
        return ledger.parsed(content)
    except ValueError:
        return None


def _of_window(kind: Kind, path: str, message: str, entry: str) -> Finding:
    return Finding(kind=kind, path=path, message=message, scene_id=entry.split("/", 2)[1], remove=(entry,))


def _at(window: Window) -> str:
    return f"window at row {window.row_off}, column {window.col_off}"
