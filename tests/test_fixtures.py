"""The fixtures keep what they promise to the other tests."""

import os

import s3fs

from tests.servers.s3_server import S3Server


def test_s3_prefix_takes_and_returns_an_object(s3: str) -> None:
    files = s3fs.S3FileSystem(skip_instance_cache=True)
    files.pipe(f"{s3}/a", b"one")
    assert files.cat(f"{s3}/a") == b"one"


def test_workers_inherit_the_address_of_the_s3_server(ray_cluster: None, s3_server: S3Server) -> None:
    import ray  # noqa: PLC0415 - see conftest

    del ray_cluster
    seen = ray.get(ray.remote(lambda: os.environ["AWS_ENDPOINT_URL"]).remote())
    assert seen == s3_server.endpoint
