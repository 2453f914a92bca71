"""Programs that tests start, to end them as a power cut would."""

import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # its stubs are a package of their own


def started_interruptible(command: Sequence[str], *, cwd: Path) -> subprocess.Popen[bytes]:
    """Start a program that feels interrupts, also where the tests were started in the background and do not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    finally:
        signal.signal(signal.SIGINT, before)


def kill_tree(process: subprocess.Popen[bytes]) -> None:
    """Kill the driver first, then everything it had started."""
    started = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGKILL)
    process.wait()
    for child in started:
        try:
            child.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(started, timeout=20)
