"""What does a command cost before it does anything? CPU time and memory of `--help` and of `status`.

`python -m tests.bench.start` starts each several times and prints the least CPU time (user and system) and the largest
resident memory. It ends with 1 where `mrovseg --help` took more than 0.3 s of CPU, or `mrovseg status` of an output of
some hundred scenes more than 1 s or 200 MiB. The least of several is what the command itself takes: other processes
only add to it.
"""

import os
import resource
import sys
import tempfile
from pathlib import Path

from jobs.run import run_record
from pipeline.geometry.window import Window
from pipeline.output import Output, Plan, ledger

TIMES = 5
SCENES, WINDOWS = 300, 4
HELP_S, STATUS_S, STATUS_BYTES = 0.3, 1.0, 200 * 2**20
RECORD = {"format": run_record.FORMAT, "config": {}, "runs": []}


def main() -> int:
    """Measure, print, and compare with the limits."""
    with tempfile.TemporaryDirectory() as folder:
        lay_out(Output(folder))
        help_s, help_bytes = cost("--help")
        status_s, status_bytes = cost("status", folder)
    print(f"mrovseg --help: {help_s:.2f} s of CPU, {help_bytes / 2**20:.0f} MiB")
    print(f"mrovseg status of {SCENES} scenes: {status_s:.2f} s of CPU, {status_bytes / 2**20:.0f} MiB")
    return int(help_s > HELP_S or status_s > STATUS_S or status_bytes > STATUS_BYTES)


def lay_out(output: Output) -> None:
    """Make what `status` reads of a run that was stopped: its record, plans of scenes, half of the windows done."""
    run_record.write_description(output, RECORD)
    for number in range(SCENES):
        scene = output.scene(f"scene-{number}")
        ledger.note_plan(scene, plan=Plan(WINDOWS, "0" * 32), inputs=b"{}", instead_of=None)
        for row in range(WINDOWS // 2):
            ledger.commit(scene, window=Window(0, 4 * row, 4, 4), digests={}, statistics=[])


def cost(*arguments: str) -> tuple[float, int]:
    """Return the least CPU time of a command, in seconds, and its largest resident memory, in bytes."""
    usages = [_usage(*arguments) for _ in range(TIMES)]
    return min(usage.ru_utime + usage.ru_stime for usage in usages), max(
        usage.ru_maxrss * 1024 for usage in usages
    )


def _usage(*arguments: str) -> resource.struct_rusage:
    command = [sys.executable, "-m", "jobs.cli", *arguments]
    file_actions = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    process = os.posix_spawn(
        sys.executable, command, os.environ | {"PYTHONPATH": str(Path.cwd())}, file_actions=file_actions
    )
    _, status, usage = os.wait4(process, 0)
    if status:
        raise ChildProcessError(f"{' '.join(arguments)} ended with {os.waitstatus_to_exitcode(status)}")
    return usage


if __name__ == "__main__":
    sys.exit(main())
