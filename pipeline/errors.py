"""The tree of errors a run can meet. Each message says what was expected, what came and what to do."""

import re

from pipeline.redact import redacted

_ILLEGIBLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def legible(text: str) -> str:
    r"""Return ``text`` with what must not reach a terminal or cannot be written escaped: controls, half characters.

    >>> legible("a\x1b[1m")
    'a\\x1b[1m'
    """
    return _ILLEGIBLE.sub(lambda found: ascii(found[0])[1:-1], text)


class PipelineError(Exception):
    """Anything the pipeline refuses or fails at; the message is meant for the user and holds no credential."""

    def __init__(self, message: str) -> None:
        super().__init__(legible(redacted(message)))


class ConfigError(PipelineError):
    """A setting or an argument is wrong; nothing was started. Jobs exit with 2."""


class ResourceError(ConfigError):
    """The cluster can never hold what the settings ask for; nothing was started."""


class ResumeError(ConfigError):
    """The output already holds another run, with other inputs or settings."""


class RasterError(PipelineError):
    """A scene cannot be opened, cannot be read, or is of a kind that is not supported."""


class OutputError(PipelineError):
    """The output cannot be written: no window can be finished any more, and the run ends. Jobs exit with 1."""


class StoreError(PipelineError):
    """A mask store cannot be laid out, written or read as asked."""


class RunStoppedError(PipelineError):
    """The run ended itself before its time; what is done stays done, and the same command goes on."""


class LeaseLostError(RunStoppedError):
    """Another run has taken the output over."""


class TooManyFailuresError(RunStoppedError):
    """More failed than the user lets fail."""
