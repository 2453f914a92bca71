"""Ways into a real S3 server, each in a process of its own, by fsspec and by GDAL; and no way in, at once."""

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pipeline import raster
from pipeline.errors import RasterError
from pipeline.storage import objects
from pipeline.storage.location import Location
from tests.pipeline.flows import paint
from tests.servers.s3_server import ACCESS_KEY, BUCKET, OPEN_BUCKET, REGION, SECRET_KEY, S3Server

PROGRAM = """
import json, sys
from pipeline import raster
from pipeline.flow import scene_inputs
from pipeline.config import Reading
from pipeline.errors import PipelineError
from pipeline.geometry.scene import Scene
from pipeline.geometry.window import Window
from pipeline.output import Output
from pipeline.sources import SceneList
from pipeline.sources.naming import scene_of
from pipeline.storage.access import Storage

prefix, output, stated = sys.argv[1:]
told = {"refused": []}
storage = Storage(**json.loads(stated))
reading = Reading(storage=storage)
listed = list(SceneList((prefix,), storage=storage))
told["listed"] = [each.uri for each in listed if isinstance(each, Scene)]
told["refused"] += [each.reason for each in listed if not isinstance(each, Scene)]
for step in (
    lambda uri: raster.read_header(uri, reading).height,
    lambda uri: int(
        raster.read_view(raster.view_of(scene_of(uri), reading), Window(0, 0, 64, 64), reading)[0].sum()
    ),
    lambda uri: raster.read_input(uri, reading).size_bytes,
    lambda uri: scene_inputs.pin_view(Output(output), scene_of(uri), reading).header.height,
):
    try:
        told.setdefault("read", []).append(step(f"{prefix}/a.tif"))
    except PipelineError as error:
        told["refused"].append(str(error))
print(json.dumps(told))
"""
DEADLINE_S = 60.0
AT_ONCE_S = 20.0  # of which starting Python and importing take most


@pytest.fixture(params=[BUCKET, OPEN_BUCKET])
def prefix(s3_server: S3Server, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A scene below a prefix of the bucket that wants a key, and of the one that does not."""
    del s3_server  # wanted for its environment
    name = f"s3://{request.param}/access-{uuid.uuid4().hex[:8]}"
    objects.put_bytes(
        Location(f"{name}/a.tif"), paint(tmp_path / "a.tif", height=128, width=128).read_bytes()
    )
    return name


def asked(prefix: str, output: Path, variables: Mapping[str, str], **stated: str | bool) -> dict[str, Any]:
    """What a fresh process, with these variables of AWS and no others, can read from a storage as it is stated."""
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "GDAL_", "CPL_"))
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, prefix, str(output), json.dumps(stated)],
        env=clean | {"AWS_EC2_METADATA_DISABLED": "true"} | dict(variables),
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told | {"said": done.stdout + done.stderr}


def assert_all_was_read(told: Mapping[str, Any], prefix: str) -> None:
    assert told["refused"] == []
    assert told["listed"] == [f"{prefix}/a.tif"]
    height, pixels, size_bytes, claimed = told["read"]
    assert (height, pixels > 0, size_bytes > 0, claimed) == (128, True, True, 128)


@pytest.mark.parametrize("prefix", [OPEN_BUCKET], indirect=True)
def test_anonymous(prefix: str, s3_server: S3Server, tmp_path: Path) -> None:
    told = asked(
        prefix, tmp_path / "out", {"AWS_ENDPOINT_URL": s3_server.endpoint, "AWS_NO_SIGN_REQUEST": "YES"}
    )
    assert_all_was_read(told, prefix)


@pytest.mark.parametrize("prefix", [BUCKET], indirect=True)
def test_a_key(prefix: str, s3_server: S3Server, tmp_path: Path) -> None:
    told = asked(prefix, tmp_path / "out", s3_server.environment | {"AWS_REQUEST_PAYER": "requester"})
    assert_all_was_read(told, prefix)


@pytest.mark.parametrize("prefix", [BUCKET], indirect=True)
def test_a_session_token(prefix: str, s3_server: S3Server, tmp_path: Path) -> None:
    server = {"AWS_ENDPOINT_URL": s3_server.endpoint, "AWS_REGION": REGION}
    session = s3_server.session()
    assert_all_was_read(asked(prefix, tmp_path / "out", server | session), prefix)
    session["AWS_SESSION_TOKEN"] = session["AWS_SESSION_TOKEN"][::-1]
    assert len(asked(prefix, tmp_path / "other", server | session)["refused"]) == 5


@pytest.mark.parametrize("prefix", [BUCKET], indirect=True)
def test_a_profile(prefix: str, s3_server: S3Server, tmp_path: Path) -> None:
    credentials = tmp_path / "credentials"
    credentials.write_text(
        f"[other]\naws_access_key_id = none\naws_secret_access_key = none\n"
        f"[mine]\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\n"
    )
    variables = {
        "AWS_ENDPOINT_URL": s3_server.endpoint,
        "AWS_SHARED_CREDENTIALS_FILE": str(credentials),
        "AWS_PROFILE": "mine",
        "AWS_REGION": REGION,
    }
    assert_all_was_read(asked(prefix, tmp_path / "out", variables), prefix)


WRONG = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_ACCESS_KEY_ID": "hunter2id",
    "AWS_SECRET_ACCESS_KEY": "hunter2hunter2",
}


@pytest.mark.parametrize("prefix", [OPEN_BUCKET], indirect=True)
def test_a_storage_without_a_key_whatever_the_environment_has(
    prefix: str, s3_server: S3Server, tmp_path: Path
) -> None:
    told = asked(prefix, tmp_path / "out", WRONG, endpoint=s3_server.endpoint, anonymous=True)
    assert_all_was_read(told, prefix)


@pytest.mark.parametrize("prefix", [BUCKET], indirect=True)
def test_a_storages_own_profile_whatever_the_environment_has(
    prefix: str, s3_server: S3Server, tmp_path: Path
) -> None:
    credentials = tmp_path / "credentials"
    credentials.write_text(
        f"[other]\naws_access_key_id = none\naws_secret_access_key = none\n"
        f"[mine]\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\n"
    )
    variables = {
        **WRONG,
        "AWS_SHARED_CREDENTIALS_FILE": str(credentials),
        "AWS_PROFILE": "other",
        "AWS_NO_SIGN_REQUEST": "YES",
    }
    stated = {"endpoint": s3_server.endpoint, "profile": "mine", "region": REGION}
    told = asked(prefix, tmp_path / "out", variables, **stated)
    assert_all_was_read(told, prefix)
    assert SECRET_KEY not in told["said"]
    assert len(asked(prefix, tmp_path / "other", variables, **stated | {"profile": "gone"})["refused"]) == 5


@pytest.mark.parametrize("prefix", [BUCKET], indirect=True)
@pytest.mark.parametrize(
    "key", [{"AWS_SECRET_ACCESS_KEY": "hunter2hunter2"}, {"AWS_ACCESS_KEY_ID": "hunter2id"}, None]
)
def test_a_wrong_key_is_refused_at_once_and_not_repeated(
    prefix: str, s3_server: S3Server, tmp_path: Path, key: dict[str, str] | None
) -> None:
    began = time.monotonic()
    variables = {"AWS_ENDPOINT_URL": s3_server.endpoint} if key is None else s3_server.environment | key
    told = asked(prefix, tmp_path / "out", variables)
    assert time.monotonic() - began < AT_ONCE_S
    assert (len(told["refused"]), told["listed"]) == (5, [])
    assert all(prefix in reason and "Check the storage's credentials" in reason for reason in told["refused"])
    assert "hunter2" not in told["said"]


@pytest.mark.parametrize("signature", ["s3", "s3v4"])
def test_a_signed_uri_is_read_and_a_forged_one_is_refused_and_not_missing(
    s3_server: S3Server, s3: str, tmp_path: Path, signature: str
) -> None:
    objects.put_bytes(Location(f"{s3}/a.tif"), paint(tmp_path / "a.tif", height=128, width=128).read_bytes())
    client = s3_server.client(signature=signature)
    bucket, _, prefix = s3.removeprefix("s3://").partition("/")
    signed = client.generate_presigned_url("get_object", {"Bucket": bucket, "Key": f"{prefix}/a.tif"})
    missing = client.generate_presigned_url("get_object", {"Bucket": bucket, "Key": f"{prefix}/b.tif"})
    client.close()
    assert raster.read_header(signed).height == 128
    assert raster.read_input(signed) == raster.read_input(f"{s3}/a.tif")
    forged = signed.replace("Signature=", "Signature=0badc0de")
    for ask in (raster.read_header, raster.read_input):
        with pytest.raises(RasterError, match=r"/a\.tif.*403") as raised:
            ask(forged)
        assert "Signature" not in str(raised.value)
        with pytest.raises(RasterError, match=r"/b\.tif does not exist"):
            ask(missing)
