"""How a job ends: its exit code, and one clear line on stderr when it cannot go on."""

import functools
import sys
from collections.abc import Callable, Sequence
from enum import IntEnum

from mrovseg.errors import ModelError
from pipeline.errors import ConfigError, PipelineError


class ExitCode(IntEnum):
    """What a shell sees."""

    DONE = 0
    FAILED = 1
    BAD_USAGE = 2  # argparse's own code
    DONE_WITH_FAILURES = 3
    INTERRUPTED = 130  # 128 + SIGINT, what a shell expects


def ends_with_code(main: Callable[[Sequence[str]], int]) -> Callable[[Sequence[str]], int]:
    """Turn the errors that are meant for users into a line on stderr and an exit code; others propagate."""

    @functools.wraps(main)
    def wrapped(argv: Sequence[str]) -> int:
        try:
            return main(argv)
        except (ConfigError, ModelError) as error:
            return _say(error, ExitCode.BAD_USAGE)
        except PipelineError as error:
            return _say(error, ExitCode.FAILED)
        except KeyboardInterrupt:
            return _say("interrupted; the same command goes on where it stopped", ExitCode.INTERRUPTED)

    return wrapped


def _say(message: object, code: ExitCode) -> int:
    print(f"mrovseg: {message}", file=sys.stderr)
    return code
