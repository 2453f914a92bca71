"""Each quirk of Ray is still one: where a test fails after an upgrade, its quirk may go."""

import ast
import io
import logging
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
import ray
from ray.data import DataContext
from ray.data import range as numbers
from ray.data._internal.execution.execution_callback import ExecutionCallback
from ray.exceptions import RayError

from pipeline.flow.dataset import data_context
from pipeline.flow.ray_quirks import is_worker, log_in_file, longest_folder_bytes, reason_raised

ROOT = Path(__file__).resolve().parents[3]


class Looking(ExecutionCallback):
    """Looks, after each step, at how many blocks the operators have figures of."""

    seen: ClassVar[list[int]] = []

    def on_execution_step(self, executor: Any) -> None:  # noqa: ANN401 - its type cannot be checked at run time
        for operator in executor._topology:
            if hasattr(operator, "_output_blocks_stats"):
                self.seen.append(len(operator._output_blocks_stats))


@pytest.mark.usefixtures("ray_cluster")
@pytest.mark.parametrize("forgotten", [True, False])
def test_figures_of_blocks_are_kept_by_ray_and_let_go_here(*, forgotten: bool) -> None:
    Looking.seen.clear()
    with data_context(in_flight_bytes=2**20):
        classes = DataContext.get_current().custom_execution_callback_classes
        if not forgotten:
            classes.clear()
        classes.append(Looking)
        rows = numbers(60, override_num_blocks=60).map(lambda row: row, num_cpus=1).take_all()
    assert len(rows) == 60
    assert len(Looking.seen) > 10
    assert (max(Looking.seen) == 0) == forgotten


def test_ray_does_not_end_a_run_whose_windows_take_long() -> None:
    """Ray Data gives up after half an hour without a block; how long a window may take is for the run to say."""
    with data_context(in_flight_bytes=2**20):
        assert DataContext.get_current().execution_no_progress_timeout_s == -1


@pytest.fixture
def session() -> Path:
    """The folder of the session that is joined."""
    joined = ray.init(ignore_reinit_error=True, logging_level=logging.ERROR)
    return Path(joined.address_info["session_dir"])  # type: ignore[attr-defined]  # of a Ray that was started here


@pytest.fixture
def terminal(ray_cluster: None) -> Iterator[io.StringIO]:
    """What Ray Data writes to the terminal: its one handler for it is as Ray makes it, before and afterwards."""
    del ray_cluster
    every = logging.getLogger("ray.data").handlers
    (found,) = [
        each
        for each in every
        if isinstance(each, logging.StreamHandler) and type(each).__module__.startswith("ray.")
    ]
    level, said = found.level, io.StringIO()
    found.setLevel(logging.INFO)  # a chain that another test ended has it silent
    usual = found.setStream(said)
    yield said
    found.setStream(usual)
    found.setLevel(level)


def say(text: str) -> None:
    logging.getLogger("ray.data.test").warning(text)


def test_what_ray_data_warns_of_is_in_its_log_and_not_on_the_terminal(
    terminal: io.StringIO, session: Path
) -> None:
    say("aloud before")
    with log_in_file():
        say("in the log")
        logging.getLogger("ray.data.test").info("nowhere")
    say("aloud after")
    said, log = terminal.getvalue(), (session / "logs/ray-data/ray-data.log").read_text()
    assert [text for text in ("aloud before", "in the log", "aloud after") if text in said] == [
        "aloud before",
        "aloud after",
    ]
    assert all(text in log for text in ("aloud before", "in the log", "aloud after"))
    assert "nowhere" not in log


def test_what_a_chain_that_was_ended_says_is_in_the_log_alone(terminal: io.StringIO, session: Path) -> None:
    def end() -> None:
        with log_in_file():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        end()
    say("Ray is gone")
    assert terminal.getvalue() == ""
    assert "Ray is gone" in (session / "logs/ray-data/ray-data.log").read_text()


@ray.remote(num_cpus=0, max_retries=0)
def raise_far_away() -> None:
    """Raises in a process of its own."""
    raise KeyError("x")


@pytest.mark.usefixtures("ray_cluster")
def test_why_a_task_failed_is_the_last_line_of_the_stack_in_its_error() -> None:
    with pytest.raises(RayError) as raised:
        ray.get(raise_far_away.remote())
    said = str(raised.value)
    assert len(said.splitlines()) > 2
    assert said != reason_raised(raised.value) == "KeyError: 'x'"


@pytest.mark.usefixtures("ray_cluster")
def test_why_a_chain_broke_is_a_line_in_its_error() -> None:
    def fail(row: dict[str, Any]) -> dict[str, Any]:
        return {"y": row["x"]}

    with data_context(in_flight_bytes=2**20), pytest.raises(Exception, match="x") as raised:
        numbers(1).map(fail).take_all()
    assert reason_raised(raised.value) == "KeyError: 'x'"


@pytest.mark.usefixtures("ray_cluster")
def test_the_paths_of_sockets_are_as_long_as_they_are_thought_to_be(session: Path) -> None:
    (found,) = session.glob("sockets/plasma_store*")
    below = "/ray" + str(found)[len(str(session.parent)) :]
    assert found.is_socket()
    most = len(below) + len("4194304") - len(session.name.rpartition("_")[2])
    assert longest_folder_bytes() == 107 - most


@ray.remote(num_cpus=0)
def command_line() -> bytes:
    """Tell what the process is called."""
    return Path("/proc/self/cmdline").read_bytes()


@pytest.mark.usefixtures("ray_cluster")
def test_a_worker_is_told_by_its_title() -> None:
    assert is_worker(ray.get(command_line.remote()))
    assert not is_worker(Path("/proc/self/cmdline").read_bytes())


@pytest.mark.usefixtures("ray_cluster")
def test_ray_takes_sigterm_for_itself() -> None:
    assert getattr(signal.getsignal(signal.SIGTERM), "__module__", "").startswith("ray.")


def test_ray_starts_nothing_by_itself() -> None:
    """A thread of a chain that was ended would have it begin anew; told before Ray is imported, it does not."""
    program = "import pipeline.flow, ray\nray.put(1)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "Ray has not been started yet" in done.stderr


def private_imports(path: Path) -> list[str]:
    """The private modules of Ray that a file imports."""
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{each.name}" for each in node.names)]
    return [name for name in names if name.startswith("ray.") and "._" in name]


def test_what_is_private_to_ray_is_imported_in_one_place_and_its_test() -> None:
    files = [
        path for folder in ("pipeline", "mrovseg", "jobs", "tests") for path in (ROOT / folder).rglob("*.py")
    ]
    found = [path.name for path in files if private_imports(path)]
    assert sorted(found) == ["ray_quirks.py", "test_ray_quirks.py"]
