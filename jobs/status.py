"""Say how far an output is: `mrovseg status OUT`, while a run is on or not, from any machine that reaches it."""

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from cyclopts import Parameter

from jobs.run import run_record
from jobs.run.commands import command, run
from jobs.run.exit_codes import ExitCode, ends_with_code
from jobs.show import table
from pipeline.audit import status as statuses
from pipeline.audit.status import OutputStatus, SceneStatus
from pipeline.errors import ConfigError
from pipeline.output import Output, lease
from pipeline.output.lease import Lease

LISTED_SCENES = 20
REASON_CHARS = 60


APP = command(
    "status",
    usage="OUT [--json]",
    about="Say how far an output is, while a run is on or not, from any machine that reaches it.",
    examples=("mrovseg status out", "mrovseg status s3://bucket/out --json"),
)


@ends_with_code
def main(argv: Sequence[str]) -> int:
    """Read the flags, look, and say what was found."""
    return run(APP, argv)


@APP.default
def status(
    output: Annotated[str, Parameter(help="what was given to `segment -o`", metavar="OUT")],
    /,
    *,
    as_json: Annotated[
        bool, Parameter(name="--json", help="everything, all scenes too, for programs")
    ] = False,
) -> int:
    """Look, and say what was found."""
    found = describe(Output(output))
    print(json.dumps(found, indent=1) if as_json else "\n".join(_lines(found)))
    return ExitCode.DONE


def describe(output: Output) -> dict[str, Any]:
    """Return all that is known of an output, as JSON has it.

    Raises ConfigError where no run ever began, PipelineError when it cannot be read.
    """
    record = run_record.earlier(output)
    if record is None:
        raise ConfigError(f"{output} holds no {output.run.name}: expected an output of `mrovseg segment`")
    on = lease.observe(output)
    everything = statuses.status(output)
    counted = everything.asked_for() if on is None and run_record.whole_list_done(record) else everything
    last = (record[run_record.RUNS] or [None])[-1] if run_record.RUNS in record else None
    finished = on is None and last is not None and last["end"] == "finished" and not counted.left
    return {
        "output": output.uri,
        "finished": finished,
        "run": None if on is None else _run(*on),
        "last_run": last,
        "windows": {
            "planned": counted.planned,
            "done": counted.done,
            "failed": counted.failed,
            "left": counted.left,
        },
        **_pace(on, last, counted),
        "changed": None if counted.changed_s is None else _iso(counted.changed_s),
        "scenes": {
            "in_all": len(counted.scenes),
            "failed": counted.scenes_failed,
            "no_longer_asked_for": len(everything.scenes) - len(counted.scenes),
            "unfinished": [_scene(scene) for scene in counted.unfinished()],
        },
    }


def _run(found: Lease, alive: bool) -> dict[str, Any]:  # noqa: FBT001 - what `observed` gives
    return {
        "run_id": found.run_id,
        "host": found.host,
        "pid": found.pid,
        "began": found.began,
        "alive": alive,
        "progress": dict(found.progress),
    }


def _pace(
    on: tuple[Lease, bool] | None, last: dict[str, Any] | None, counted: OutputStatus
) -> dict[str, Any]:
    """Return windows a second, of the run that is on or else the last one, and how long what is left would take."""
    done, took_s = 0, 0.0
    if on is not None:
        done, took_s = on[0].progress.get("done", 0), on[0].progress.get("elapsed_s", 0)
    elif last is not None:
        done, took_s = last["done"], last["seconds"]
    rate = done / took_s if done and took_s else None
    left_s = None if rate is None else round(counted.left / rate)
    return {"windows_per_s": None if rate is None else round(rate, 3), "left_s": left_s}


def _scene(scene: SceneStatus) -> dict[str, Any]:
    return {
        "scene_id": scene.scene_id,
        "planned": scene.planned,
        "done": scene.done,
        "failed": scene.failed,
        "failed_whole": scene.failed_whole,
        "left": scene.left,
        "reason": scene.reason,
    }


def _lines(found: dict[str, Any]) -> list[str]:
    windows = found["windows"]
    so_far = "" if found["finished"] else " planned until now"
    failed = f"{windows['failed']:,} failed"
    lines = [
        f"{found['output']}: {_state(found)}",
        f"windows: {windows['done']:,} done of {windows['planned']:,}{so_far}, {windows['left']:,} left, {failed}",
        f"scenes:  {_scenes(found['scenes'])}",
    ]
    if found["windows_per_s"] is not None:
        time_left = f", {table.duration(found['left_s'])} left" if windows["left"] else ""
        lines.append(f"rate:    {found['windows_per_s']:g} windows a second{time_left}")
    if found["changed"] is not None:
        lines.append(f"changed: {found['changed']} by the storage's clock")
    return lines + _unfinished(found["scenes"]["unfinished"])


def _scenes(found: dict[str, Any]) -> str:
    dropped = found["no_longer_asked_for"]
    with_windows = sum(not scene["failed_whole"] for scene in found["unfinished"])
    said = (
        f"{found['in_all']:,}, {found['failed']:,} failed whole, {with_windows:,} with windows left or failed"
    )
    return f"{said}; {dropped:,} more were begun for an earlier list" if dropped else said


def _state(found: dict[str, Any]) -> str:
    run, last = found["run"], found["last_run"]
    if run is not None:
        who = f"run {run['run_id']} on {run['host']} (process {run['pid']}, since {run['began']})"
        return f"{who} is on" if run["alive"] else f"{who} died or is out of reach; the same command goes on"
    if last is None:
        return "no run has ended here; the same command goes on"
    if found["finished"]:
        return f"finished at {last['ended']} in {table.duration(last['seconds'])}"
    return f"no run is on; the last ended at {last['ended']} ({last['end']}); the same command goes on"


def _unfinished(scenes: list[dict[str, Any]]) -> list[str]:
    if not scenes:
        return []
    listed = [
        [scene["scene_id"], scene["done"], scene["left"], _scene_failed(scene), _short(scene["reason"])]
        for scene in scenes[:LISTED_SCENES]
    ]
    lines = ["", table.render(["scene", "done", "left", "failed", "reason"], listed)]
    if len(scenes) > LISTED_SCENES:
        lines.append(f"and {len(scenes) - LISTED_SCENES:,} more scenes; --json lists all")
    return lines


def _scene_failed(scene: dict[str, Any]) -> object:
    return "whole" if scene["failed_whole"] else scene["failed"]


def _short(reason: str | None) -> str | None:
    text = " ".join((reason or "").split())
    return None if not text else text if len(text) <= REASON_CHARS else f"{text[:REASON_CHARS]}..."


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
