"""The flow from and to a real S3 server."""

from pathlib import Path

import pytest

from pipeline.sources.naming import scene_of
from pipeline.storage import objects
from pipeline.storage.location import Location
from tests.pipeline.flows import digests, paint, run_flow


@pytest.mark.slow
@pytest.mark.usefixtures("ray_cluster")
def test_s3_holds_the_same_bytes_as_a_local_output(tmp_path: Path, s3: str) -> None:
    scene = paint(tmp_path / "a.tif", height=300, width=400)
    remote = objects.join(s3, "scenes", "a.tif")
    objects.put_bytes(Location(remote), scene.read_bytes())
    output = objects.join(s3, "out")
    assert run_flow([remote], output).windows_done == 4
    assert run_flow([scene], tmp_path / "out").windows_done == 4
    local_id, remote_id = scene_of(str(scene)).scene_id, scene_of(remote).scene_id
    for folder in ("scenes", "ledger"):
        local = tmp_path / "out" / folder / local_id
        there = objects.join(output, folder, remote_id)
        assert len(list(objects.walk(Location(there)))) == len(digests(local))
        for name in digests(local):
            if name.startswith("plan-"):
                continue  # it tells where the scene is
            content = objects.get_bytes(Location(objects.join(there, name)))
            # The root of a store says which scene it is of, and where that is.
            as_if_local = content.replace(remote.encode(), str(scene).encode())
            as_if_local = as_if_local.replace(remote_id.encode(), local_id.encode())
            assert as_if_local == (local / name).read_bytes(), name
    result = run_flow([remote], output)
    assert (result.windows_done, result.windows_skipped) == (0, 4)
    failing = run_flow([objects.join(s3, "missing.tif")], objects.join(s3, "none"))
    assert [failure.row_off for failure in failing.failures] == [None]
