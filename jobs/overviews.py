"""Make coarser levels of an output's masks: `mrovseg overviews OUT`, for what runs of older versions made."""

import sys
from collections.abc import Sequence
from typing import Annotated, Any

from cyclopts import Parameter

from jobs.run import run_record
from jobs.run.commands import command, run
from jobs.run.exit_codes import ExitCode, ends_with_code
from pipeline.errors import ConfigError
from pipeline.output import Output, lease
from pipeline.storage.objects.scene_uris import absolute_uri
from pipeline.store import Contents, StoreTerms

LISTED_SCENES = 20

APP = command(
    "overviews",
    usage="OUT",
    about="Make coarser levels of an output's masks, of the windows that are done, where they are not there yet.\n\n"
    "Runs make them when they end. An output of the format before this one is brought to this one.",
    examples=("mrovseg overviews out", "mrovseg overviews s3://bucket/out"),
)


@ends_with_code
def main(argv: Sequence[str]) -> int:
    """Read the flags, make what is missing, and say what was made."""
    return run(APP, argv)


@APP.default
def overviews(
    output: Annotated[str, Parameter(help="what was given to `segment -o`", metavar="OUT")], /
) -> int:
    """Make what is missing, and say what was made."""
    made = Output(absolute_uri(output))
    record = run_record.earlier(made)
    if record is None or not run_record.is_whole(record):
        raise ConfigError(
            f"{made} holds no whole {made.run.name}: expected an output of `mrovseg segment` or `relabel`"
        )
    older = run_record.is_upgradable(record)
    if not older:
        run_record.check_format(made, record)
    with lease.hold(made) as held:
        reasons = _make(made, run_record.upgraded(record), renew=older)
        held.check()
        if older:
            run_record.write_upgraded(made)
            print("the output is of this version's format; its tables are written anew by its own command")
    for reason in reasons[:LISTED_SCENES]:
        print(f"mrovseg: {reason}", file=sys.stderr)
    return ExitCode.DONE_WITH_FAILURES if reasons else ExitCode.DONE


def _make(output: Output, record: dict[str, Any], *, renew: bool) -> list[str]:
    """Make overviews of all scenes, say of how many, and return why some have none."""
    from pipeline import flow

    scene_ids, written, reasons = output.scene_ids(), 0, []
    with flow.cluster():
        for each in flow.make_overviews(output, _terms(record), scene_ids, renew=renew):
            written += each.written
            if each.reason is not None:
                reasons.append(f"{each.scene_id} has no overviews: {each.reason}")
    current = len(scene_ids) - written - len(reasons)
    print(
        f"overviews of {written:,} scenes are made, and those of {current:,} are as they should be: {output}"
    )
    return reasons


def _terms(record: dict[str, Any]) -> StoreTerms:
    return StoreTerms(
        classes=[each["name"] for each in record["vocabulary"]],
        chunk_px=record["grid"]["chunk_px"],
        window_px=record["grid"]["window_px"],
        colors=record[run_record.COLORS],
        contents=Contents.of_attributes(record),
        made_by=run_record.provenance(record),
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
