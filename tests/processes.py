"""Programs that tests start, to end them as a power cut would."""

import signal
import subprocess

import psutil  # type: ignore[import-untyped]  # its stubs are a package of their own


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
