"""Label an output again by other words: `mrovseg relabel SOURCE --classes "solar panel; pool" -o OUT`."""

import sys
import time
from collections.abc import Sequence
from typing import Any

from jobs.run.commands import command, run
from jobs.run.exit_codes import ExitCode, ends_with_code
from jobs.run.settings.flags import takes_settings
from jobs.run.settings.relabel import RelabelSettings, relabel_settings

APP = command(
    "relabel",
    usage="SOURCE --classes WORDS -o OUT [OPTIONS]",
    about="Label the proposals that an output keeps by other words, or by another threshold, without the network.\n\n"
    "The masks are those that `mrovseg segment` would make with these words. "
    "The same command goes on where it stopped, and so does `mrovseg relabel -o OUT` alone.",
    examples=(
        'mrovseg relabel out --classes "solar panel; swimming pool" -o pools',
        "mrovseg relabel out --classes road --aoi 7.1,46.2,7.3,46.4 -o roads",
        "mrovseg relabel out --classes road --scenes scenes/north/ -o north",
        "mrovseg relabel -o pools",
    ),
)


@ends_with_code
def main(argv: Sequence[str]) -> int:
    """Read the flags, run, and say what was made where."""
    return run(APP, argv)


@APP.default
@takes_settings(RelabelSettings, argument="source", several=False)
def relabel(values: dict[str, Any]) -> int:
    """Run by merged values, and say what was made where."""
    from jobs.run.precheck import MISSED
    from jobs.run.relabelling.execute import run_relabelling
    from jobs.run.resume import resumed
    from jobs.show.class_table import class_table
    from jobs.show.result import say_result

    began_s = time.monotonic()
    settings = relabel_settings(resumed(values, RelabelSettings))
    result = run_relabelling(settings)
    print(class_table(settings.output))
    say_result(settings.output, result, took_s=time.monotonic() - began_s)
    windows = result.windows_done + result.windows_skipped + result.windows_failed
    if settings.aoi is not None and not windows and not result.failures:
        print(f"mrovseg: {MISSED}", file=sys.stderr)
    return ExitCode.DONE_WITH_FAILURES if result.failures else ExitCode.DONE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
