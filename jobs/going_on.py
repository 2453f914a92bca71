"""Go on with the run that an output describes, or with what failed in it."""

from collections.abc import Iterable, Mapping
from typing import Any

from jobs import run_record
from jobs.reading_settings import LIMIT_KEYS
from jobs.settings import FLOW_KEYS
from jobs.storages import SOURCE, output_of
from pipeline import objects
from pipeline.errors import ResumeError
from pipeline.geometry.scene import Scene
from pipeline.output import Output
from pipeline.sources import Only
from pipeline.sources.naming import Refusal
from pipeline.status import status

CONFIG_KEYS = (
    "scenes",
    "suffixes",
    "assets",
    "link_hosts",
    SOURCE,
    "checkpoint",
    "max_failures",
    *(key for key in FLOW_KEYS if key not in run_record.GRID_KEYS),
)


def going_on(values: Mapping[str, Any]) -> dict[str, Any]:
    """Complete settings that name neither scenes nor classes by those of the run that their output holds.

    Raises ResumeError when its scenes cannot be named again, because their uris were signed.
    """
    given = dict(values)
    if given.get("scenes") or given.get("classes") or not given.get("output"):
        return given
    output = output_of(given)
    record = run_record.earlier(output)
    if record is None:
        return given
    if not run_record.is_whole(record):
        raise ResumeError(f"{output} holds a run.json that is not whole: name the scenes and classes again")
    if not given.get("overwrite"):
        run_record.check_format(output, record)
    if record["config"].get("redacted"):
        raise ResumeError(
            f"{output} was made of scenes whose uris hold what is not kept, as it may be a credential: name "
            "the scenes and classes again"
        )
    recorded = _recorded(record)
    if given.get("overwrite"):
        recorded.pop("keep_valid", None)  # which would contradict it
    return recorded | given


def failed_before(output: Output, scenes: Iterable[Scene | Refusal]) -> Only:
    """Return of the scenes those that are in the output's failures, and those that were begun and not finished.

    Of the latter a run that was cut off may have been trying again what had failed.

    Raises ResumeError when no run has begun there.
    """
    if not objects.exists(output.run):
        raise ResumeError(f"{output.run} does not exist: there is no run whose failures could be tried again")
    return Only(scenes, frozenset(scene.scene_id for scene in status(output).unfinished()))


def _recorded(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that a record holds, as a configuration file would have them."""
    config, reading = record["config"], record["reading"]
    values = {key: config.get(key) for key in CONFIG_KEYS}
    values |= {key: reading[of] for key, of in (("bands", "bands"), ("range", "range"), ("nodata", "nodata"))}
    values |= {"alpha": reading.get("alpha")}  # which older runs did not know
    values |= {"gsd": reading["gsd_m"], "aoi": config.get("aoi"), **record["grid"]}
    limits = config.get("limits", {})
    values |= {key: limits.get(key) for key in ("drivers", *LIMIT_KEYS)}
    values["classes"] = [{key: each[key] for key in ("name", "prompts")} for each in record["vocabulary"]]
    values["threshold"] = record["model"]["threshold"]
    values["precision"] = record["model"].get("precision", run_record.SINGLE)
    return {key: value for key, value in values.items() if value is not None and value != []}
