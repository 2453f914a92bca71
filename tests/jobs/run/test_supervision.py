"""What surrounds a run writes of the whole output only what is its own, and only where there is one."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from jobs.run import run_record
from jobs.run.settings.segment import SegmentSettings
from jobs.run.supervision import Supervisor, supervised
from mrovseg.words.vocabulary import parse
from pipeline.errors import LeaseLostError, OutputError
from pipeline.output import Output, lease
from pipeline.output.names import LEASE, RUN
from pipeline.sources import SceneList
from pipeline.storage import objects
from pipeline.storage.location import Location
from tests.jobs.run.test_run_record import description


def settings(output: Path) -> SegmentSettings:
    return SegmentSettings(
        scenes=SceneList(("a.tif",)), vocabulary=parse("house; road"), output=Output(str(output))
    )


def taken_over(supervisor: Supervisor, output: Path) -> bytes:
    """Have another run take the output, and return what that one writes of itself."""
    other = replace(supervisor.held.lease, run_id="other", host="far")
    objects.put_bytes(Location(f"{output}/{LEASE}"), other.to_bytes())
    run_record._write(Output(str(output)), description(output) | {"runs": [{"end": "theirs"}]})
    return (output / RUN).read_bytes()


@pytest.mark.parametrize("error", [None, KeyboardInterrupt, ValueError])
def test_an_output_that_was_removed_stays_so_and_the_same_command_begins_anew(
    tmp_path: Path, error: type[BaseException] | None
) -> None:
    output = tmp_path / "out"

    def run() -> None:
        with supervised(settings(output), description(output)):
            shutil.rmtree(output)
            if error is not None:
                raise error

    with pytest.raises(error or OutputError):
        run()
    assert not output.exists()
    with supervised(settings(output), description(output)):
        pass
    assert run_record.earlier(Output(str(output))) is not None


def test_a_removed_output_is_noticed_and_its_lease_not_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "RENEWED_EVERY_S", 0.1)
    output = tmp_path / "out"

    def run() -> None:
        with supervised(settings(output), description(output)) as one:
            shutil.rmtree(output)
            one.held._over.wait(0.5)
            assert not output.exists()
            one.held.note({})

    with pytest.raises(OutputError, match="was removed"):
        run()


def test_a_record_that_alone_was_removed_is_written_again(tmp_path: Path) -> None:
    with supervised(settings(tmp_path), description(tmp_path)):
        (tmp_path / RUN).unlink()
    found = run_record.earlier(Output(str(tmp_path)))
    assert found is not None
    assert [each["end"] for each in found["runs"]] == ["finished"]


def test_what_a_run_of_a_removed_output_left_blocks_nothing(tmp_path: Path) -> None:
    run_record._write(Output(str(tmp_path)), {"runs": [{"end": "finished"}]})
    assert run_record.earlier(Output(str(tmp_path))) is None
    run_record.write_description(Output(str(tmp_path)), description(tmp_path))
    assert run_record.earlier(Output(str(tmp_path))) is not None


@pytest.mark.parametrize("error", [None, KeyboardInterrupt, ValueError])
def test_a_run_that_lost_its_lease_leaves_the_new_owners_record_alone(
    tmp_path: Path, error: type[BaseException] | None
) -> None:
    theirs: list[bytes] = []

    def run() -> None:
        with supervised(settings(tmp_path), description(tmp_path)) as one:
            theirs.append(taken_over(one, tmp_path))
            if error is not None:
                raise error

    with pytest.raises(error or LeaseLostError):
        run()
    assert [(tmp_path / RUN).read_bytes()] == theirs
