"""How a job ends: its exit code, and one clear line on stderr when it cannot go on."""

import functools
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum
from types import FrameType
from typing import NoReturn

from mrovseg.errors import DeviceLostError, ModelError
from pipeline.errors import ConfigError, PipelineError

GRACE_S = 20.0  # for what is to be shut down; Kubernetes gives 30


class ExitCode(IntEnum):
    """What a shell sees."""

    DONE = 0
    FAILED = 1
    BAD_USAGE = 2  # argparse's own code
    DONE_WITH_FAILURES = 3
    INTERRUPTED = 130  # 128 + SIGINT, what a shell expects
    TERMINATED = 143  # 128 + SIGTERM, the same


class Terminated(BaseException):
    """The process was asked to end by SIGTERM; like KeyboardInterrupt it is no error."""


def ends_with_code(main: Callable[[Sequence[str]], int]) -> Callable[[Sequence[str]], int]:
    """Turn the errors that are meant for users into a line on stderr and an exit code; others propagate."""

    @functools.wraps(main)
    def wrapped(argv: Sequence[str]) -> int:
        try:
            with _signals_raise():
                return main(argv)
        except DeviceLostError as error:
            return _say(error, ExitCode.FAILED)
        except (ConfigError, ModelError) as error:
            return _say(error, ExitCode.BAD_USAGE)
        except PipelineError as error:
            return _say(error, ExitCode.FAILED)
        except KeyboardInterrupt:
            return _say("interrupted; the same command goes on where it stopped", ExitCode.INTERRUPTED)
        except Terminated:
            return _say("terminated; the same command goes on where it stopped", ExitCode.TERMINATED)

    return wrapped


def _say(message: object, code: ExitCode) -> int:
    print(f"mrovseg: {message}", file=sys.stderr)
    return code


@contextmanager
def _signals_raise() -> Iterator[None]:
    """Have SIGTERM and SIGINT raise once, so that all is shut down in order; the next one ends the process at once.

    What is not shut down after ``GRACE_S`` is left: Ray's processes end with the one that started them.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def end(number: int, _: FrameType | None) -> NoReturn:
        for each in before:
            signal.signal(each, signal.SIG_DFL)
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        late = threading.Timer(GRACE_S, os._exit, (ExitCode.TERMINATED,))
        late.daemon = True
        late.start()
        raise Terminated

    for number, handler in before.items():
        if handler is not signal.SIG_IGN:  # as nohup or a shell in the background has it
            signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is end:
                signal.signal(number, handler)
