"""The overviews of one scene: of its ledger as it is, and stored as they are noted to be."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pipeline import store
from pipeline.audit.verification.findings import Finding, Kind, stray
from pipeline.audit.verification.tables import Reported
from pipeline.output import SceneOutput
from pipeline.storage import objects

_OF_LEVEL = re.compile(r"[1-9][0-9]*/.+")
_CHUNK = re.compile(r"(?P<array>[1-9][0-9]*/[a-z]+)/c/(?P<row>\d+)/(?P<col>\d+)")
_ROOT = "zarr.json"


def is_of_level(key: str) -> bool:
    """Tell whether a key of a mask store is of a coarser level."""
    return _OF_LEVEL.fullmatch(key) is not None


@dataclass(frozen=True, slots=True)
class Overviews:
    """What a scene's overviews should be: its store's ``documents`` with them, and the listing of its ledger.

    ``alone`` is the root of a store without overviews. The ``listing`` is empty where nothing of the scene is done.
    ``finished`` says that a run has ended since.
    """

    scene: SceneOutput
    documents: Mapping[str, bytes]
    alone: bytes
    listing: str
    finished: bool

    def check(self, keys: Sequence[str], report: Reported) -> None:
        """Compare what is stored of coarser levels, under these ``keys``, and what is noted of it.

        What is missing, or of an earlier ledger, is stale where no run has finished since, else a fault.

        Raises:
            PipelineError: the storage refused.
        """
        expected = bool(self.listing) and any(map(is_of_level, self.documents))
        try:
            note = store.read_overviews_note(self.scene)
        except FileNotFoundError:
            if expected:
                self._out_of_date("missing", "not made yet, or not to the end", report)
            elif keys:
                report.findings += [self._stray(key) for key in keys]
            return
        if not expected:
            report.findings.append(stray(self._path, scene_id=self.scene.scene_id, ours=True))
        elif note is None:
            report.findings.append(self._finding("altered", self._path, "cannot be read"))
        elif note.ledger != self.listing:
            self._out_of_date("altered", "not of the windows that are done", report)
        else:
            report.findings += self._damaged(keys, note)

    @property
    def _path(self) -> str:
        return self.scene.output.path_of(self.scene.overviews)

    def _damaged(self, keys: Sequence[str], note: store.OverviewsNote) -> Iterable[Finding]:
        """Yield what is stored otherwise than it is noted, or than it is laid out."""
        chunks: dict[str, list[str]] = {path: [] for path in sorted(note.chunks)}
        for key in keys:
            chunk = _CHUNK.fullmatch(key)
            if chunk is not None and self._is_on_grid(chunk):
                chunks.setdefault(chunk["array"], []).append(key)
            elif chunk is not None or key not in self.documents:
                yield self._stray(key)
        for path, stored in chunks.items():
            if self._digest(stored) != note.chunks.get(path):
                yield self._finding("altered", self._at(path), f"not the bytes that {self._path} tells")
        if not self._root_tells():
            yield self._finding("altered", self._at(_ROOT), "tells of no overviews, which are there")
        for key in filter(is_of_level, self.documents):
            kind = self._otherwise(key)
            if kind is not None:
                yield self._finding(kind, self._at(key), "not as it was laid out")

    def _root_tells(self) -> bool:
        """Tell whether the root is that of a store with overviews; one that is damaged is found as such."""
        try:
            found = objects.get_bytes(self.scene.masks.join(_ROOT))
        except FileNotFoundError:
            return True
        return found not in {store.marked(self.alone, complete=complete) for complete in (False, True)}

    def _is_on_grid(self, chunk: re.Match[str]) -> bool:
        document = self.documents.get(f"{chunk['array']}/{_ROOT}")
        array = {"shape": []} if document is None else json.loads(document)
        if len(array["shape"]) != 2:  # noqa: PLR2004 - rows and columns
            return False
        sides = array["chunk_grid"]["configuration"]["chunk_shape"]
        numbers = int(chunk["row"]), int(chunk["col"])
        return all(
            number * side < length
            for number, side, length in zip(numbers, sides, array["shape"], strict=True)
        )

    def _digest(self, keys: Iterable[str]) -> str:
        read = ((key, objects.get_bytes(self.scene.masks.join(key))) for key in keys)
        return store.chunks_digest((key, hashlib.sha256(data).hexdigest()) for key, data in read)

    def _otherwise(self, key: str) -> Kind | None:
        try:
            found = objects.get_bytes(self.scene.masks.join(key))
        except FileNotFoundError:
            return "missing"
        return None if found == self.documents[key] else "altered"

    def _out_of_date(self, kind: Kind, message: str, report: Reported) -> None:
        if self.finished:
            report.findings.append(self._finding(kind, self._path, message))
        else:
            report.stale.append(self._path)

    def _at(self, key: str) -> str:
        return f"{self.scene.output.path_of(self.scene.masks)}/{key}"

    def _finding(self, kind: Kind, path: str, message: str) -> Finding:
        """Return a finding for which the overviews are made anew: without their note they are not believed."""
        return Finding(
            kind=kind, path=path, message=message, scene_id=self.scene.scene_id, remove=(self._path,)
        )

    def _stray(self, key: str) -> Finding:
        return stray(self._at(key), scene_id=self.scene.scene_id, ours=True)
