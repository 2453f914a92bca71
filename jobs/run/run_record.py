"""`run.json`: what made an output, written before the first window and compared before a resumed one.

Beside what made it, it says how the last runs ended; that alone differs between two outputs of the same bytes.
"""

import hashlib
import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.errors import ResumeError
from pipeline.output import Output
from pipeline.output.palette import class_colors
from pipeline.storage import objects
from pipeline.storage.documents import json_of

FORMAT = 5
UPGRADABLE = 4
FORMATS = (2, 3, UPGRADABLE, FORMAT)
"""2 stored scores in 1/255, with 0 as no data; 3 said nothing of proposals; 4 had no colours and no overviews."""
RUNS, DIGEST, RETRY, COLORS = "runs", "digest", "retry_failed", "colors"
SOURCE = (
    "source"  # the output, and its run, whose proposals were labelled; of a run of the network there is none
)
SINGLE = "float32"  # also the precision of a record that does not say: there was no other
LAST_RUNS = 20
IDENTITY = (
    "vocabulary",
    "background",
    "model",
    "grid",
    "contents",
    "reading",
    SOURCE,
)  # with another of these, windows of two runs would not fit
PARTS = dict.fromkeys(("config", "model", "grid", "reading", "versions"), dict) | {"vocabulary": list}
"""What a record of any format has, and of which kind each is."""


def earlier(output: Output) -> dict[str, Any] | None:
    """Return the record that is in `output`; None where there is none.

    Raises ResumeError when it cannot be read.
    """
    try:
        found = json_of(objects.get_document(output.run))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ResumeError(
            f"{output.run} is damaged ({error}). Remove it and give the whole command that made the output again"
        ) from error
    if isinstance(found, dict) and found.keys() == {RUNS, DIGEST}:
        return None  # left by a run whose output was removed meanwhile
    if not isinstance(found, dict) or "format" not in found:
        raise ResumeError(f"{output.run} is no record of a run of mrovseg: give another output")
    if found.get(DIGEST) not in {None, _digest(found)}:
        raise ResumeError(
            f"{output.run} is not what was written. Remove it and give the whole command that made the output again"
        )
    return found


def is_whole(record: Mapping[str, Any]) -> bool:
    """Tell whether a record is one that a run wrote: of a known format, with all its parts, and unchanged."""
    if record.get("format") not in FORMATS or record.get(DIGEST) != _digest(record):
        return False
    if not all(isinstance(record.get(key), kind) for key, kind in PARTS.items()):
        return False
    return "output" in record["config"] and "digest" in record["model"] and "mrovseg" in record["versions"]


def provenance(record: dict[str, Any]) -> dict[str, Any]:
    """Return what mask stores say of the run that a record describes: the same for all who share in the output.

    `run` is the digest of all that decides what the masks are.
    """
    identity = json.dumps({key: record[key] for key in IDENTITY if key in record}, sort_keys=True)
    return {
        "run": hashlib.sha256(identity.encode()).hexdigest(),
        "model": record["model"]["digest"],
        "threshold": record["model"]["threshold"],
        "vocabulary": record["vocabulary"],
        **({SOURCE: record[SOURCE]} if SOURCE in record else {}),
    }


def is_upgradable(record: Mapping[str, Any]) -> bool:
    """Tell whether a record is of the format before this one, whose chunks are those of this one."""
    return record.get("format") == UPGRADABLE


def upgraded(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record in this format: one of the format before had no colours."""
    if not is_upgradable(record):
        return record
    colors = class_colors([each["name"] for each in record["vocabulary"]])
    return record | {"format": FORMAT, COLORS: list(colors)}


def write_upgraded(output: Output) -> None:
    """Write the record of an output in this format, once its mask stores are."""
    found = earlier(output)
    if found is not None and is_upgradable(found):
        _write(output, upgraded(found))


def check_format(output: Output, record: dict[str, Any]) -> None:
    """Refuse an output of another layout. Raises ResumeError."""
    if is_upgradable(record):
        raise ResumeError(
            f"{output} is of format {record['format']}, and this version of mrovseg reads and writes format {FORMAT}: "
            f"`mrovseg overviews {shlex.quote(output.uri)}` brings it to that, or give another output, or --overwrite "
            "to remove it and start anew"
        )
    if record["format"] != FORMAT:
        raise ResumeError(
            f"{output} is of format {record['format']}, and this version of mrovseg reads and writes format {FORMAT}: "
            "give another output, or --overwrite to remove it and start anew"
        )


def write_description(output: Output, description: dict[str, Any]) -> list[str]:
    """Write the description to `output`, where nothing, or the same run, may be; return the colours of its classes.

    These are no part of what the masks are, and stay those in which mask stores are laid out already.

    Raises ResumeError when the output holds a run of another vocabulary, model or grid; the message shows the
    difference. Whether a scene has changed is found when its turn comes, see `pipeline.output.inputs`.
    """
    found = earlier(output)
    if found is not None:
        check_format(output, found)
        _refuse_other_run(output, found, description)
        kept = {"config": description["config"] | {"classes": found["config"]["classes"]}}
        description = description | kept | {COLORS: found[COLORS]}
    _write(output, description | {RUNS: [] if found is None else found.get(RUNS, [])})
    colors: list[str] = description[COLORS]
    return colors


def precision(output: Output) -> str | None:
    """Return the precision in which the masks of an output were made; None where there are none."""
    found = earlier(output)
    return None if found is None else found.get("model", {}).get("precision", SINGLE)


def check(output: Output, description: dict[str, Any]) -> None:
    """Refuse what `write_description` would refuse, and write nothing.

    Raises ResumeError when the output holds a run of another vocabulary, model or grid.
    """
    found = earlier(output)
    if found is not None:
        _refuse_other_run(output, found, description)


def conclude(output: Output, ended: dict[str, Any], description: dict[str, Any]) -> None:
    """Note how a run ended, beside the last ones before it; a record that was removed meanwhile is written again."""
    found = earlier(output) or description
    _write(output, found | {RUNS: [*found.get(RUNS, []), ended][-LAST_RUNS:]})


def whole_list_done(record: Mapping[str, Any]) -> bool:
    """Tell whether all scenes of the last list were tried: that run finished, and so did those that tried again."""
    for run in reversed(record.get(RUNS, [])):
        if run["end"] != "finished":
            return False
        if not run.get(RETRY):
            return True
    return False


def _digest(record: Mapping[str, Any]) -> str:
    """Return the SHA-256 of what made an output: how its runs ended is no part of it."""
    made = {key: value for key, value in record.items() if key not in {RUNS, DIGEST}}
    return hashlib.sha256(json.dumps(made, sort_keys=True).encode()).hexdigest()


def _write(output: Output, record: dict[str, Any]) -> None:
    record = record | {DIGEST: _digest(record)}
    objects.put_bytes(output.run, json.dumps(record, indent=1, sort_keys=True).encode() + b"\n")


def _refuse_other_run(output: Output, before: dict[str, Any], now: dict[str, Any]) -> None:
    before = before | {"model": {"precision": SINGLE} | before.get("model", {})}
    found = [text for key in IDENTITY for text in _differences(before.get(key), now.get(key), at=key)]
    if found:
        raise ResumeError(
            f"{output} holds another run: {'; '.join(found)}. None of its masks would be valid: give another output, "
            "or the same settings to go on with that one, or --overwrite to remove it and start anew"
        )


def _differences(before: object, now: object, *, at: str) -> Iterator[str]:
    """Yield `key: was -> is` for each leaf that differs."""
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        before, now = dict(enumerate(before, start=1)), dict(enumerate(now, start=1))
    if isinstance(before, dict) and isinstance(now, dict):
        for key in sorted(before.keys() | now.keys(), key=str):
            yield from _differences(before.get(key), now.get(key), at=f"{at}.{key}")
    elif before != now:
        yield f"{at} was {json.dumps(before)}, is {json.dumps(now)}"
