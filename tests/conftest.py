"""What the tests share: real data, a real S3 server, one Ray.

Nothing of the project, torch or ray is imported here: the tests of the pipeline run without torch, and the
run-time checks of array signatures can only be installed before a package is first imported.
"""

import logging
import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Generator, Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.servers.s3_server import BUCKET, S3Server, running_s3_server

NO_SHARED_DATA = "no ../shared/data beside the checkout: this test reads real files from there"
EXPECTED_SKIPS = (
    NO_SHARED_DATA,
    "OpenSlide is an extra",
    "no small disk can be mounted here",  # that takes root
    "there is a GPU here",
    "this torch was built for GPUs",
    "`make install-clients`",  # takes another Python, and npm
)
"""How the reasons begin for which a test may be skipped: any other one is a failure."""

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"

hypothesis.settings.register_profile("repeatable", derandomize=True, database=None, deadline=None)
hypothesis.settings.load_profile("repeatable")

# Read by Ray when it is first imported, in this process and in every one a test starts.
os.environ["RAY_AUTH_MODE"] = "disabled"
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real files beside the checkout; it is no part of the project."""
    if not SHARED_DATA.is_dir():
        pytest.skip(NO_SHARED_DATA)
    return SHARED_DATA


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test that is skipped for a reason that nobody expects."""
    report = yield
    if report.skipped and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2].removeprefix("Skipped: ")
        if not reason.startswith(EXPECTED_SKIPS):
            report.outcome = "failed"
            report.longrepr = f"skipped for a reason that is not among EXPECTED_SKIPS: {reason}"
    return report


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """A running S3 server, with what its clients need in `os.environ` until the session ends."""
    with running_s3_server() as server, pytest.MonkeyPatch.context() as monkeypatch:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.fixture(scope="session")
def open_s3_server() -> Iterator[S3Server]:
    """Another S3 server, which no variable names and whose key nobody has: only its open bucket can be read."""
    with running_s3_server("otherkey", "othersecret") as server:
        yield server


@pytest.fixture
def s3(s3_server: S3Server, request: pytest.FixtureRequest) -> str:
    """A prefix of the bucket that no other test writes to, as `s3://bucket/prefix`."""
    del s3_server  # wanted for its environment
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")
    return f"s3://{BUCKET}/{name}-{uuid.uuid4().hex[:8]}"


@pytest.fixture(params=["local", "s3"])
def place(request: pytest.FixtureRequest) -> str:
    """A folder or a prefix that does not exist yet, on disk and on a real S3 server."""
    if request.param == "s3":
        return str(request.getfixturevalue("s3"))
    return f"{request.getfixturevalue('tmp_path')}/out"


@pytest.fixture(scope="session")
def ray_cluster(s3_server: S3Server) -> Iterator[None]:
    """One Ray of four CPUs for the whole session.

    It wants the S3 server first: Ray's workers inherit the environment Ray was started in.
    """
    del s3_server
    import ray  # noqa: PLC0415 - only the tests that ask for a cluster pay for it

    folder = tempfile.mkdtemp(prefix="r", dir="/tmp")  # a socket's path may have 107 bytes
    ray.init(
        num_cpus=4,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
        object_store_memory=512 * 1024 * 1024,
        _temp_dir=folder,
    )
    yield
    ray.shutdown()
    shutil.rmtree(folder, ignore_errors=True)
