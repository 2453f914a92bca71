"""The records of a chain as they come out, and a heartbeat whenever none does: the driver never blocks."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator

from ray.data import Dataset

from pipeline.flow.ray_quirks import reason_raised
from pipeline.flow.records import Record, records_of

_AHEAD = 256  # small records: no pixels come this way


class ChainBroken(Exception):  # noqa: N818 - what happened to it
    """What Ray says of a chain that cannot go on."""

    def __init__(self, error: Exception) -> None:
        """Keep what was raised, and say why in one line: around it are Ray's own stack and advice."""
        super().__init__(reason_raised(error))
        self.error = error


def stream_rows(chain: Dataset, *, beat_s: float | int) -> Iterator[Record | None]:
    """Run the chain and yield what comes out of it, and None when nothing has come for ``beat_s``.

    It runs in a thread: who waits for Ray's own iterator cannot do anything else meanwhile.

    Raises:
        ChainBroken: what a thing of Ray raised.
    """
    records: queue.Queue[Record | Exception | None] = queue.Queue(_AHEAD)

    def run() -> None:
        try:
            for table in chain.iter_batches(batch_size=None, batch_format="pyarrow"):
                for record in records_of(table):
                    records.put(record)
        except Exception as error:  # noqa: BLE001 - raised again where it belongs
            records.put(error)
        else:
            records.put(None)

    threading.Thread(target=run, daemon=True, name="chain").start()
    while True:
        try:
            record = records.get(timeout=beat_s)
        except queue.Empty:
            yield None
            continue
        if isinstance(record, Exception):
            raise ChainBroken(record) from record
        if record is None:
            return
        yield record
