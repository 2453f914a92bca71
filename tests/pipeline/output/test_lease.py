"""Two runs on one output: the second refuses by the name of the first, unless that one is dead."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import LeaseLostError, ResumeError
from pipeline.output import Output, lease
from pipeline.output.names import LEASE
from pipeline.storage import objects
from pipeline.storage.location import Location

ROOT = Path(__file__).resolve().parents[3]
HOLDS = """
import sys, time
from pipeline.output import lease
from pipeline.output import Output
with lease.hold(Output(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leases that live fast, as the same law holds for any pace."""
    pace = {"RENEWED_EVERY_S": 0.2, "SILENT_S": 2.0, "_POLL_S": 0.1, "_SETTLED_S": 0.2}
    for name, seconds in pace.items():
        monkeypatch.setattr(lease, name, seconds)


@pytest.fixture
def holding() -> Iterator[Callable[[str], subprocess.Popen[bytes]]]:
    """Start processes that hold leases."""
    started: list[subprocess.Popen[bytes]] = []

    def start(output: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen([sys.executable, "-c", HOLDS, output], cwd=ROOT, stdout=subprocess.PIPE)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def exists(output: str) -> bool:
    return objects.exists(Location(objects.join(output, LEASE)))


def test_a_second_run_refuses_by_the_name_of_the_first(
    place: str, holding: Callable[[str], subprocess.Popen[bytes]]
) -> None:
    process = holding(place)
    found = lease.holder(Output(place))
    assert found is not None
    with pytest.raises(ResumeError) as raised, lease.hold(Output(place)):
        pass
    assert all(
        part in str(raised.value) for part in (found.run_id, found.host, str(process.pid), found.began)
    )
    assert lease.holder(Output(place)) is not None


@pytest.mark.slow
def test_of_two_processes_started_together_one_refuses_by_the_name_of_the_other(place: str) -> None:
    both = [
        subprocess.Popen(
            [sys.executable, "-c", HOLDS, place], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(2)
    ]
    try:
        deadline = time.monotonic() + 50
        while all(process.poll() is None for process in both) and time.monotonic() < deadline:
            time.sleep(0.1)
        refused, holds = sorted(both, key=lambda process: process.poll() is None)
        assert holds.poll() is None
        assert f"process {holds.pid}," in refused.communicate()[1].decode()
    finally:
        for process in both:
            process.kill()
            process.communicate()


def test_a_killed_run_of_this_machine_is_not_waited_for(
    place: str, holding: Callable[[str], subprocess.Popen[bytes]]
) -> None:
    process = holding(place)
    process.kill()
    process.wait()
    began_s = time.monotonic()
    with lease.hold(Output(place)) as mine:
        assert time.monotonic() - began_s < lease.SILENT_S / 2
        assert lease.holder(Output(place)) == mine.lease
    assert not exists(place)


@pytest.mark.usefixtures("quick")
def test_a_silent_run_of_another_machine_is_taken_over_after_it_was_looked_at(place: str) -> None:
    with lease.hold(Output(place)) as dead:
        left = replace(dead.lease, machine="another", host="far", began="2099-01-01T00:00:00+00:00")
    objects.put_bytes(Location(objects.join(place, LEASE)), left.to_bytes())
    began_s = time.monotonic()
    with lease.hold(Output(place)) as mine:
        assert time.monotonic() - began_s >= lease.SILENT_S
        found = lease.holder(Output(place))
        assert found is not None
        assert found.run_id == mine.lease.run_id


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"run_id": "x"}'])
def test_a_damaged_lease_is_taken_over(tmp_path: Path, content: bytes) -> None:
    objects.put_bytes(Location(f"{tmp_path}/{LEASE}"), content)
    with lease.hold(Output(str(tmp_path))) as mine:
        assert lease.holder(Output(str(tmp_path))) == mine.lease


@pytest.mark.usefixtures("quick")
def test_a_run_that_was_taken_over_is_told_and_leaves_the_lease_alone(place: str) -> None:
    with lease.hold(Output(place)) as mine:
        mine.note({"done": 1})
        other = replace(mine.lease, run_id="other", host="far")
        objects.put_bytes(Location(objects.join(place, LEASE)), other.to_bytes())
        time.sleep(5 * lease.RENEWED_EVERY_S + 1)
        with pytest.raises(LeaseLostError, match="taken over by run other on far"):
            mine.note({"done": 2})
    assert lease.holder(Output(place)) == other


@pytest.mark.usefixtures("quick")
def test_others_read_the_progress(place: str) -> None:
    with lease.hold(Output(place)) as mine:
        mine.note({"done": 7, "planned": 12})
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            found = lease.holder(Output(place))
            if found is not None and found.progress:
                break
        assert found is not None
        assert found.progress == {"done": 7, "planned": 12}
        assert found.renewed > 0


@pytest.mark.usefixtures("quick")
def test_a_looker_tells_a_living_run_of_another_machine_from_a_silent_one(tmp_path: Path) -> None:
    with lease.hold(Output(str(tmp_path))) as mine:
        assert lease.observe(Output(str(tmp_path))) == (lease.holder(Output(str(tmp_path))), True)
        mine.lease = replace(mine.lease, machine="another")
        time.sleep(4 * lease.RENEWED_EVERY_S)
        found = lease.observe(Output(str(tmp_path)))
        assert found is not None
        assert found[1]
    assert lease.observe(Output(str(tmp_path))) is None
    objects.put_bytes(Location(f"{tmp_path}/{LEASE}"), mine.lease.to_bytes())
    assert lease.observe(Output(str(tmp_path))) == (mine.lease, False)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_it_is_released_however_the_run_ends(tmp_path: Path, error: type[BaseException]) -> None:
    with pytest.raises(error), lease.hold(Output(str(tmp_path))):
        raise error
    assert not exists(str(tmp_path))
    assert threading.active_count() < 50
    assert not [thread for thread in threading.enumerate() if thread.name == "lease"]


@pytest.mark.usefixtures("quick")
def test_of_many_at_once_one_holds_it(place: str) -> None:
    held: list[str] = []
    refused: list[str] = []
    over = threading.Event()

    def run() -> None:
        try:
            with lease.hold(Output(place)) as mine:
                held.append(mine.lease.run_id)
                over.wait(20)
        except ResumeError as error:
            refused.append(str(error))
            if len(refused) == 5:
                over.set()

    runs = [threading.Thread(target=run) for _ in range(6)]
    for each in runs:
        each.start()
    for each in runs:
        each.join()
    assert len(held) == 1
    assert len(refused) == 5
    assert all(held[0] in text for text in refused)


def test_a_number_that_was_given_again_is_no_living_process() -> None:
    own = lease._own()
    assert not own.is_gone
    assert replace(own, started="1").is_gone
    assert not replace(own, started="1", machine="another").is_gone
    assert not replace(own, started="1", machine="").is_gone
    assert own.pid == os.getpid()
