"""What groups of workers are given to do that is no training: a worker imports little for it."""

from pathlib import Path

import numpy as np

from mrovseg.errors import DataError
from mrovseg.training.history import LogLine
from mrovseg.training.worker import Worker


def refusing(pixels: np.ndarray, worker: Worker, say: LogLine) -> None:
    """Find fault with the input."""
    del say
    raise DataError(f"{worker.count} worker, writeable: {pixels.flags.writeable}")


def failing(count: list[Path], worker: Worker, say: LogLine) -> None:
    """Fail each time, and count how often."""
    del worker
    say("it begins")
    count[0].write_text(count[0].read_text() + "x")
    raise RuntimeError("it fails")
