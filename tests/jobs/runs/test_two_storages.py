"""`mrovseg segment` reads an open bucket at one endpoint without a key, and writes to another with a profile's."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.jobs.conftest import PaintScene
from tests.servers.open_bucket import put_below_a_prefix
from tests.servers.s3_server import ACCESS_KEY, REGION, SECRET_KEY, S3Server

ROOT = Path(__file__).resolve().parents[3]


def mrovseg(*argv: str, variables: Mapping[str, str]) -> str:
    """Run a verb with these variables of storages and no others; return what it printed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "RAY_ADDRESS"))}
    done = subprocess.run(
        [sys.executable, "-m", "jobs.cli", *argv],
        cwd=ROOT,
        env=kept | {"AWS_EC2_METADATA_DISABLED": "true"} | dict(variables),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert SECRET_KEY not in done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_run_goes_on_by_the_storages_that_it_began_with(
    s3_server: S3Server, open_s3_server: S3Server, s3: str, paint_scene: PaintScene, tmp_path: Path
) -> None:
    scene = paint_scene("scenes/a.tif", height=256, width=256)
    prefix = put_below_a_prefix(open_s3_server, scene.parent)
    keys = tmp_path / "credentials"
    keys.write_text(f"[mine]\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\n")
    source = {"endpoint": open_s3_server.endpoint, "anonymous": True}
    output = {"endpoint": s3_server.endpoint, "profile": "mine", "region": REGION}
    config = tmp_path / "run.yaml"
    given = {"scenes": f"{prefix}/", "classes": "road", "output": f"{s3}/out", "actors": 1}
    config.write_text(json.dumps(given | {"source_storage": source, "output_storage": output}))
    file = {"AWS_SHARED_CREDENTIALS_FILE": str(keys)}
    assert "1 done" in mrovseg("segment", "--config", str(config), variables=file)
    # The environment, which has to reach the output, says nothing of where the scenes are.
    here = file | {"AWS_PROFILE": "mine", "AWS_ENDPOINT_URL": s3_server.endpoint, "AWS_REGION": REGION}
    assert "1 done before" in mrovseg("segment", "-o", f"{s3}/out", variables=here)
    found = json.loads(mrovseg("status", f"{s3}/out", "--json", variables=here))
    assert (found["windows"]["done"], found["finished"]) == (1, True)
    assert "is clean" in mrovseg("verify", f"{s3}/out", variables=here)
