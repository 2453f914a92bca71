"""Go on with the run that an output describes, or with what failed in it."""

import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from jobs.run import run_record
from jobs.run.settings.keys import build, keys_of
from jobs.run.settings.relabel import RelabelSettings
from jobs.run.settings.segment import SegmentSettings
from pipeline.audit.status import status
from pipeline.errors import ResumeError
from pipeline.geometry.scene import Scene
from pipeline.output import Output
from pipeline.sources import ScenesById
from pipeline.sources.naming import Refusal
from pipeline.storage import objects
from pipeline.storage.access import OUTPUT_STORAGE


def resumed(values: Mapping[str, Any], cls: type = SegmentSettings) -> dict[str, Any]:
    """Complete settings that name neither what to run over nor classes by those of the run that their output holds.

    Raises ResumeError when that run was of another verb, or what it ran over cannot be named again, because its uris
    were signed.
    """
    given, over = dict(values), "source" if issubclass(cls, RelabelSettings) else "scenes"
    if given.get(over) or given.get("classes") or not given.get("output"):
        return given
    output = build(Output, given)
    record = run_record.earlier(output)
    if record is None:
        return given
    if not run_record.is_whole(record):
        raise ResumeError(f"{output} holds a run.json that is not whole: name the {over} and classes again")
    _refuse_other_verb(output, record, cls)
    if not given.get("overwrite"):
        run_record.check_format(output, record)
    if record["config"].get("redacted"):
        raise ResumeError(
            f"{output} was made of what has uris that hold what is not kept, as it may be a credential: name "
            f"the {over} and classes again"
        )
    recorded = recorded_settings(record, cls)
    recorded.pop(OUTPUT_STORAGE.key, None)  # the record was read by another one
    if given.get("overwrite"):
        recorded.pop("keep_valid", None)  # which would contradict it
    return recorded | given


def _refuse_other_verb(output: Output, record: Mapping[str, Any], cls: type) -> None:
    source = record.get(run_record.SOURCE)
    if (source is not None) == issubclass(cls, RelabelSettings):
        return
    made, verb = (
        ("segmented from its scenes", "segment")
        if source is None
        else (f"labelled from {source['output']}", "relabel")
    )
    raise ResumeError(f"{output} was {made}: go on with it by `mrovseg {verb} -o {shlex.quote(output.uri)}`")


def failed_before(output: Output, scenes: Iterable[Scene | Refusal]) -> ScenesById:
    """Return of the scenes those that are in the output's failures, and those that were begun and not finished.

    Of the latter a run that was cut off may have been trying again what had failed.

    Raises ResumeError when no run has begun there.
    """
    if not objects.exists(output.run):
        raise ResumeError(f"{output.run} does not exist: there is no run whose failures could be tried again")
    return ScenesById(scenes, frozenset(scene.scene_id for scene in status(output).unfinished()))


def recorded_settings(record: Mapping[str, Any], cls: type = SegmentSettings) -> dict[str, Any]:
    """Return the settings that a record of any age holds, as a configuration file would have them.

    Older ones hold limits, how scenes are read and the grid apart, and the classes as vocabulary alone. What was chosen
    of threshold and precision holds, whatever was asked for.
    """
    config, model = record["config"], record["model"]
    classes = [{key: each[key] for key in ("name", "prompts")} for each in record["vocabulary"]]
    found = record["reading"] | {"gsd": record["reading"].get("gsd_m"), "aoi": None, "classes": classes}
    found |= config.get("limits", {}) | record["grid"] | config
    found |= {"threshold": model["threshold"], "precision": model.get("precision", run_record.SINGLE)}
    names = {
        old: name
        for name, key in keys_of(cls).items()
        for old in (name, *key.setting.former)
        if key.setting.kept
    }
    return {names[name]: value for name, value in found.items() if name in names and value not in (None, [])}
