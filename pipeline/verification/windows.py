"""One window: its entry recomputed from its stored chunks must be the entry, byte by byte."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt

from pipeline import ledger, objects, statistics, store
from pipeline.ledger import LedgerEntry
from pipeline.output import masks_uri
from pipeline.scene import Header
from pipeline.store.stored import chunks_digest
from pipeline.verification.findings import Finding, Made
from pipeline.window import Window


@dataclass(frozen=True, slots=True)
class Checked:
    """What is wrong with a window, and the entry that it should have; None where nothing tells."""

    findings: tuple[Finding, ...]
    entry: LedgerEntry | None


def check_window(
    output: str, scene_id: str, window: Window, *, made: Made, header: Header, documents: Mapping[str, bytes]
) -> Checked:
    """Read a window's entry and chunks and recompute the one from the others.

    ``documents`` is the layout of the scene's store as it should be: a damaged one cannot mislead.

    Raises:
        PipelineError: the storage refused.
    """
    place = f"ledger/{scene_id}/{ledger.entry_name(window.row_off, window.col_off)}"
    try:
        content = objects.get_bytes(objects.join(output, place))
    except FileNotFoundError:
        return Checked((), None)  # gone since it was listed
    entry = _parsed(content)
    found: list[Finding] = []
    digests: dict[str, str] = {}
    pixels: dict[str, UInt[np.ndarray, "y x"]] = {}
    for name in store.ARRAYS:
        chunks = _chunks(output, scene_id, name, window, made)
        missing = [key for key, data in chunks.items() if data is None]
        held = {key: data for key, data in chunks.items() if data is not None}
        array = f"scenes/{scene_id}/masks.zarr/0/{name}"
        if missing:
            found += [
                _of_window("missing", f"scenes/{scene_id}/masks.zarr/{key}", "its window is done", place)
                for key in missing
            ]
            continue
        digests[f"{name}.chunks"] = chunks_digest(
            (key, hashlib.sha256(data).hexdigest()) for key, data in held.items()
        )
        altered = entry is not None and entry.digests.get(f"{name}.chunks") != digests[f"{name}.chunks"]
        try:
            pixels[name] = store.decoded(documents, held, name, window)
            digests[name] = hashlib.sha256(pixels[name].data).hexdigest()
        except Exception as error:  # noqa: BLE001 - a codec fails in its own way
            altered, reason = True, f"cannot be decoded: {error}"
        else:
            reason = "not the bytes of its entry"
        if altered:
            found.append(_of_window("altered", f"{array} of {_at(window)}", reason, place))
    if len(pixels) < len(store.ARRAYS):
        return Checked(tuple(found), entry)
    recomputed = _recomputed(window, digests, pixels, made=made, header=header)
    if recomputed is None or ledger.entry_bytes(window, digests, recomputed.statistics) != content:
        if not found:
            found.append(_of_window("altered", place, "not what its masks give", place))
            return Checked(tuple(found), recomputed)
        return Checked(tuple(found), entry)
    return Checked((), recomputed)


def _recomputed(
    window: Window,
    digests: Mapping[str, str],
    pixels: Mapping[str, UInt[np.ndarray, "y x"]],
    *,
    made: Made,
    header: Header,
) -> LedgerEntry | None:
    mask = pixels["class"]
    try:
        counted = statistics.window_statistics(
            mask,
            pixels["score"],
            statistics.pixel_areas_m2(header, window),
            classes=made.classes,
            nodata=int(np.iinfo(mask.dtype).max),
        )
    except ValueError:  # a class id that there is not
        return None
    return LedgerEntry(window, digests, counted)


def _chunks(output: str, scene_id: str, name: str, window: Window, made: Made) -> dict[str, bytes | None]:
    """Return the stored bytes of each chunk of the window by its key, None for a missing one."""
    uri = masks_uri(output, scene_id)
    found: dict[str, bytes | None] = {}
    for row in range(window.row_off // made.chunk_px, -(-window.row_end // made.chunk_px)):
        for col in range(window.col_off // made.chunk_px, -(-window.col_end // made.chunk_px)):
            key = f"0/{name}/c/{row}/{col}"
            try:
                found[key] = objects.get_bytes(objects.join(uri, key))
            except FileNotFoundError:
                found[key] = None
    return found


def _parsed(content: bytes) -> LedgerEntry | None:
    try:
        return ledger.parsed(content)
    except ValueError:
        return None


def _of_window(kind: str, path: str, message: str, entry: str) -> Finding:
    return Finding(kind=kind, path=path, message=message, scene_id=entry.split("/", 2)[1], remove=(entry,))  # type: ignore[arg-type]  # of the two callers


def _at(window: Window) -> str:
    return f"window at row {window.row_off}, column {window.col_off}"
