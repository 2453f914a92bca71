"""Segment scenes by words: `mrovseg segment SCENES... --classes "building,house; road" -o OUT`."""

import sys
import time
from collections.abc import Sequence
from typing import Any

from jobs.run.commands import command, run
from jobs.run.exit_codes import ExitCode, ends_with_code
from jobs.run.settings.flags import takes_settings
from jobs.run.settings.segment import segment_settings

APP = command(
    "segment",
    usage="SCENES... --classes WORDS -o OUT [OPTIONS]",
    about="Segment scenes by words into mask stores, statistics and a list of failures.\n\n"
    "The same command goes on where it stopped, and so does `mrovseg segment -o OUT` alone.",
    examples=(
        'mrovseg segment scene.tif --classes "building,house; road; water" -o out',
        'mrovseg segment s3://bucket/scenes/ --classes "solar panel" -o s3://bucket/out',
        "mrovseg segment --config segment.yaml --overwrite",
        "mrovseg segment -o out",
    ),
)


@ends_with_code
def main(argv: Sequence[str]) -> int:
    """Read the flags, run, and say what was made where."""
    return run(APP, argv)


@APP.default
@takes_settings()
def segment(values: dict[str, Any]) -> int:
    """Run by merged values, and say what was made where."""
    from jobs.run.execute import run_segmentation
    from jobs.run.precheck import MISSED
    from jobs.run.resume import resumed
    from jobs.show.class_table import class_table
    from jobs.show.result import say_result

    began_s = time.monotonic()
    settings = segment_settings(resumed(values))
    result = run_segmentation(settings)
    print(class_table(settings.output))
    say_result(settings.output, result, took_s=time.monotonic() - began_s)
    windows = result.windows_done + result.windows_skipped + result.windows_failed
    if settings.reading.aoi is not None and not windows and not result.failures:
        print(f"mrovseg: {MISSED}", file=sys.stderr)
    return ExitCode.DONE_WITH_FAILURES if result.failures else ExitCode.DONE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
