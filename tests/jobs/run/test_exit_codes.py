"""Errors meant for users become one line and a code; the others stay visible."""

from collections.abc import Sequence

import pytest

from jobs.run.exit_codes import Terminated, ends_with_code
from mrovseg.errors import CheckpointError, DeviceLostError
from pipeline.errors import ConfigError, OutputError, PipelineError, ResumeError


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("a wrong key"), 2),
        (ResumeError("another run"), 2),
        (CheckpointError("no such file"), 2),
        (PipelineError("the cluster is lost"), 1),
        (OutputError("the disk is full"), 1),
        (DeviceLostError("the GPU failed"), 1),
        (KeyboardInterrupt(), 130),
        (Terminated(), 143),
    ],
)
def test_an_error_is_one_line_and_a_code(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    @ends_with_code
    def main(_: Sequence[str]) -> int:
        raise error

    assert main([]) == code
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert str(error) in said


def test_a_fault_of_ours_keeps_its_traceback() -> None:
    @ends_with_code
    def main(_: Sequence[str]) -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        main([])
