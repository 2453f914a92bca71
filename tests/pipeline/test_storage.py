"""What one client's variables mean to another, and that what the user set stays."""

import os
from pathlib import Path

import pytest

from pipeline import storage
from pipeline.raster.gdal import environment
from pipeline.storage import FROM_ENVIRONMENT

VARIABLES = ("AWS", "GS", "GOOGLE", "AZURE", "GDAL")


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin without any variable of a storage."""
    for name in list(os.environ):
        if name.startswith(VARIABLES):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")


@pytest.mark.parametrize(
    ("endpoint", "options"),
    [
        ("http://127.0.0.1:9000", {"AWS_S3_ENDPOINT": "127.0.0.1:9000", "AWS_HTTPS": False}),
        ("https://s3.host/tenant/", {"AWS_S3_ENDPOINT": "s3.host/tenant", "AWS_HTTPS": True}),
    ],
)
def test_an_endpoint_is_said_in_gdals_words(
    monkeypatch: pytest.MonkeyPatch, endpoint: str, options: dict[str, object]
) -> None:
    unsaid = storage.gdal_options()
    assert "AWS_S3_ENDPOINT" not in unsaid
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    assert storage.gdal_options() == {**unsaid, **options, "AWS_VIRTUAL_HOSTING": False}
    assert storage.fsspec_options("s3://b/k")["endpoint_url"] == endpoint
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://other")
    assert storage.s3_endpoint() == "https://other"


CONFIG = """
[default]
region = eu-central-1
[profile minio]
endpoint_url = https://minio.host:9000
[profile ceph]
services = theirs
[services theirs]
s3 =
  endpoint_url = http://ceph.host
"""


@pytest.mark.parametrize(
    ("variables", "endpoint"),
    [
        ({}, None),
        ({"AWS_PROFILE": "minio"}, "https://minio.host:9000"),
        ({"AWS_PROFILE": "ceph"}, "http://ceph.host"),
        ({"AWS_PROFILE": "gone"}, None),
        ({"AWS_PROFILE": "minio", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, None),
        ({"AWS_PROFILE": "minio", "AWS_ENDPOINT_URL": "http://first"}, "http://first"),
    ],
)
def test_a_profiles_endpoint_is_said_to_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], endpoint: str | None
) -> None:
    (tmp_path / "config").write_text(CONFIG)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert storage.fsspec_options("s3://b/k")["endpoint_url"] == endpoint
    host = None if endpoint is None else endpoint.partition("://")[2]
    assert storage.gdal_options().get("AWS_S3_ENDPOINT") == host


def test_what_the_user_set_for_gdal_is_never_overridden(monkeypatch: pytest.MonkeyPatch) -> None:
    import rasterio.env  # noqa: PLC0415 - an oracle, not a door

    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9000")
    monkeypatch.setenv("AWS_S3_ENDPOINT", "theirs:1")
    monkeypatch.setenv("AWS_VIRTUAL_HOSTING", "TRUE")
    monkeypatch.setenv("GDAL_DISABLE_READDIR_ON_OPEN", "FALSE")
    with environment(FROM_ENVIRONMENT):
        ours = rasterio.env.getenv()
    assert not {"AWS_S3_ENDPOINT", "AWS_VIRTUAL_HOSTING", "GDAL_DISABLE_READDIR_ON_OPEN"} & set(ours)
    assert "GDAL_CACHEMAX" in ours


@pytest.mark.parametrize(
    ("uri", "variables", "options"),
    [
        ("s3://b/k", {"AWS_NO_SIGN_REQUEST": "YES"}, {"anon": True}),
        ("s3://b/k", {"AWS_NO_SIGN_REQUEST": "NO"}, {}),
        ("s3://b/k", {"AWS_REGION": "eu-central-1"}, {"client_kwargs": {"region_name": "eu-central-1"}}),
        ("s3://b/k", {"AWS_REQUEST_PAYER": "requester"}, {"requester_pays": True}),
        ("gs://b/k", {"GS_NO_SIGN_REQUEST": "YES"}, {"token": "anon"}),
        ("gs://b/k", {}, {}),
        (
            "az://c/k",
            {"AZURE_STORAGE_ACCOUNT": "a", "AZURE_STORAGE_ACCESS_KEY": "k"},
            {"account_name": "a", "account_key": "k"},
        ),
        (
            "az://c/k",
            {"AZURE_STORAGE_ACCOUNT": "a", "AZURE_NO_SIGN_REQUEST": "TRUE"},
            {"account_name": "a", "anon": True},
        ),
        ("memory://a", {"AWS_NO_SIGN_REQUEST": "YES"}, {}),
    ],
)
def test_gdals_variables_are_said_to_fsspec(
    monkeypatch: pytest.MonkeyPatch, uri: str, variables: dict[str, str], options: dict[str, object]
) -> None:
    unsaid = storage.fsspec_options(uri)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert storage.fsspec_options(uri) == unsaid | options


def test_other_clients_variables_are_said_to_gdal(monkeypatch: pytest.MonkeyPatch) -> None:
    before = storage.gdal_options()
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "a")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "k")
    monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/home/me/keys")
    assert storage.gdal_options() == before | {
        "AZURE_STORAGE_ACCOUNT": "a",
        "AZURE_STORAGE_ACCESS_KEY": "k",
        "AWS_NO_SIGN_REQUEST": True,
        "CPL_AWS_CREDENTIALS_FILE": "/home/me/keys",
    }
