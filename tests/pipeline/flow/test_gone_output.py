"""An output that is removed during a run: the run ends by one error, and leaves nothing that is half an output."""

import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import fsspec
import numpy as np
import pytest

from pipeline.errors import OutputError
from pipeline.storage import objects
from pipeline.storage.access import fsspec_options
from pipeline.storage.location import Location
from tests.pipeline.flow.test_flow import whiten
from tests.pipeline.flow.watch.test_quarantine import WHITE, Fatal
from tests.pipeline.flows import paint, run_flow
from tests.servers.s3_server import S3Server


class Removing(Fatal):
    """Removes the output, or its bucket, when it sees a white chip, as somebody else might."""

    output = ""

    def die(self) -> None:
        if not objects.is_remote(self.output):
            shutil.rmtree(self.output, ignore_errors=True)
            return
        filesystem, path = fsspec.url_to_fs(self.output, **fsspec_options(self.output))
        if filesystem.exists(path):
            filesystem.rm(path.partition("/")[0], recursive=True)


def make_removing(weights: Mapping[str, np.ndarray], *, output: str) -> Removing:
    kind = type("Removing", (Removing,), {"output": output})  # its fields are frozen
    segmenter: Removing = kind(**{name: int(value) for name, value in weights.items()})
    return segmenter


@pytest.mark.slow
@pytest.mark.usefixtures("ray_cluster")
@pytest.mark.parametrize("where", ["local", "s3"])
def test_a_run_whose_output_is_removed_ends_by_one_error_that_says_so(
    tmp_path: Path, s3_server: S3Server, where: str
) -> None:
    output = str(tmp_path / "out")
    if where == "s3":
        client = s3_server.client()
        client.create_bucket(Bucket="vanishing")
        client.close()
        output = "s3://vanishing/out"
    scene = whiten(paint(tmp_path / "a.tif"), WHITE)
    with pytest.raises(OutputError, match=r"removed while the run was at it|cannot write .*NoSuchBucket"):
        run_flow([scene], output, make_segmenter=partial(make_removing, output=output), window_px=128)
    assert not objects.exists(Location(objects.join(output, "failures.parquet")))
