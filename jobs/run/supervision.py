"""What surrounds a run: it holds the output's lease, is stopped by too many failures, and its end is noted."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from jobs.run import run_record
from jobs.run.settings.failure_limit import FailureLimit
from jobs.run.settings.relabel import RelabelSettings
from jobs.run.settings.segment import SegmentSettings
from mrovseg.words.vocabulary import quoted, shortened_list
from pipeline.errors import LeaseLostError, PipelineError, ResumeError
from pipeline.flow import Progress
from pipeline.output import FILES, FOLDERS, Output, is_made, is_output_folder, lease
from pipeline.output.lease import HeldLease
from pipeline.redact import redacted
from pipeline.storage import objects

LISTED = 10


@dataclass(slots=True)
class Supervisor:
    """Tells others how far the run is, and ends it when it has to end; knows the colours of the output's classes."""

    held: HeldLease
    limit: FailureLimit | None
    colors: list[str]
    retry_failed: bool = False
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("planned", "skipped", "done", "failed", "scenes_failed"), 0)
    )
    began_s: float = field(default_factory=monotonic)

    @property
    def run_id(self) -> str:
        """The run's id, which is that of its lease."""
        return self.held.lease.run_id

    def __call__(self, progress: Progress) -> None:
        """Look at the counts of the run. Raises RunStoppedError."""
        self.counts = {
            "planned": progress.planned,
            "skipped": progress.skipped,
            "done": progress.done,
            "failed": progress.failed,
            "scenes_failed": progress.scenes_failed,
        }
        self.held.note(self.counts | {"elapsed_s": int(monotonic() - self.began_s)})
        if self.limit is not None:
            self.limit.check(progress)


@contextmanager
def supervised(
    settings: SegmentSettings | RelabelSettings, description: dict[str, Any]
) -> Iterator[Supervisor]:
    """Hold the output while entered; write its `run.json` before, and note in it how the body ended.

    Raises ResumeError when another run holds the output, or it holds another run.
    """
    if settings.overwrite:
        refuse_foreign(settings.output)
    with lease.hold(settings.output) as held:
        if settings.overwrite:
            _empty(settings.output)
        colors = run_record.write_description(settings.output, description)
        _say_kept(settings.output, description, colors)
        supervisor = Supervisor(held, settings.max_failures, colors, settings.retry_failed)
        try:
            yield supervisor
        except LeaseLostError:
            raise  # the output is another's now
        except BaseException as error:
            with suppress(PipelineError):  # what ended the run says more
                held.check()
                ended = _ended(supervisor, type(error).__name__, redacted(str(error)))
                run_record.conclude(settings.output, ended, description)
            raise
        held.check()
        run_record.conclude(settings.output, _ended(supervisor, "finished", ""), description)


def check_output(settings: SegmentSettings | RelabelSettings, description: dict[str, Any]) -> None:
    """Refuse an output that another run holds, or that holds another run: neither needs a cluster to be known.

    Raises ResumeError for these, OutputError when it cannot be written.
    """
    if settings.overwrite:
        refuse_foreign(settings.output)
    with lease.hold(settings.output):
        if not settings.overwrite:
            run_record.check(settings.output, description)


def _ended(supervisor: Supervisor, how: str, reason: str) -> dict[str, Any]:
    """Describe a run that ended."""
    return {
        "run_id": supervisor.run_id,
        "host": supervisor.held.lease.host,
        "began": supervisor.held.lease.began,
        "ended": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(monotonic() - supervisor.began_s, 1),
        "end": how,
        **({"reason": reason} if reason else {}),
        **({run_record.RETRY: True} if supervisor.retry_failed else {}),
        **supervisor.counts,
    }


def refuse_foreign(output: Output) -> None:
    """Raise ResumeError for a folder that holds something and is no output of ours, or of which a part is elsewhere."""
    record = run_record.earlier(output)
    if record is None and next(iter(objects.list_all(output.location)), None) is None:
        return
    if record is None or not run_record.is_whole(record):
        name = output.run.name
        found = f"no {name}" if record is None else f"a {name} that no run of mrovseg wrote"
        raise ResumeError(
            f"{output} holds something and {found}: it is no output of mrovseg, and nothing of it is overwritten. "
            "Give another output"
        )
    links = (link for folder in FOLDERS for link in objects.linked_folders(output.location, folder))
    link = next(filter(is_output_folder, links), None)
    if link is not None:
        raise ResumeError(
            f"{output.at(link)} is a link, and nothing is removed behind one: put the folder itself there, "
            "or give another output"
        )


def _say_kept(output: Output, description: dict[str, Any], colors: Sequence[str]) -> None:
    """Say which colours that were asked for an output does not have, as its mask stores are laid out in others."""
    names = ["other", *(each["name"] for each in description["vocabulary"])]
    asked = zip(names, colors, description[run_record.COLORS], strict=True)
    stay = [f"{quoted(name)} stays {color}, not {wanted}" for name, color, wanted in asked if color != wanted]
    if stay:
        print(
            f"mrovseg: {output} keeps the colours that it was begun with: {shortened_list(stay)}; another output, or "
            "--overwrite, has others",
            file=sys.stderr,
        )


def _empty(output: Output) -> None:
    """Remove what a run made, and nothing else; the record, which says that it is ours, goes last."""
    others = [name for name, _ in objects.list_entries(output.location) if name not in {*FILES, *FOLDERS}]
    for folder in FOLDERS:
        others += objects.remove_made(output.location, folder, is_made)
    for each in (output.failures, output.summary, output.run):
        objects.remove(each)
    if others:
        more = f" and {len(others) - LISTED} more" if len(others) > LISTED else ""
        print(f"mrovseg: left alone, as no run made it: {', '.join(others[:LISTED])}{more}", file=sys.stderr)
