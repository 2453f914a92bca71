import pytest

from jobs.run.settings.failure_limit import FailureLimit
from pipeline.errors import ConfigError, TooManyFailuresError
from pipeline.flow import Progress
from pipeline.output import Output
from pipeline.output.failure import Failure


def progress(output: str, *, done: int, failed: int) -> Progress:
    counted = Progress(Output(output), done=done)
    for number in range(failed):
        counted.count(Failure(scene_id=f"s{number}", uri="s.tif", error="E", message="m"))
    return counted


@pytest.mark.parametrize(
    ("given", "done", "failed", "stops"),
    [
        ("3", 0, 3, False),
        ("3", 0, 4, True),
        (0, 100, 1, True),
        ("10%", 90, 10, False),
        ("10%", 89, 11, True),
        ("10 %", 0, 19, False),
        ("10%", 0, 20, True),
        ("100%", 0, 50, False),
        ("0.5%", 1000, 6, True),
    ],
)
def test_a_run_stops_once_more_fail_than_may(
    tmp_path_factory: pytest.TempPathFactory, given: object, done: int, failed: int, *, stops: bool
) -> None:
    counted = progress(str(tmp_path_factory.mktemp("out")), done=done, failed=failed)
    limit = FailureLimit.parse(given)
    if not stops:
        limit.check(counted)
        return
    with pytest.raises(TooManyFailuresError, match=f"{failed} of {done + failed} .* max_failures is {limit}"):
        limit.check(counted)


@pytest.mark.parametrize("given", ["", "many", "-1", "101%", "1.5", "5%%", None, True])
def test_what_is_no_limit_is_refused(given: object) -> None:
    with pytest.raises(ConfigError, match="max_failures must be a number"):
        FailureLimit.parse(given)
