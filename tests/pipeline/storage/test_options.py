"""What one client's variables mean to another, and that what the user set stays."""

import os
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import ConfigError
from pipeline.raster.gdal.environment import environment
from pipeline.storage import access
from pipeline.storage.access import FROM_ENVIRONMENT, Storage

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
    unsaid = access.gdal_options()
    assert "AWS_S3_ENDPOINT" not in unsaid
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    assert access.gdal_options() == {**unsaid, **options, "AWS_VIRTUAL_HOSTING": False}
    assert access.fsspec_options("s3://b/k")["endpoint_url"] == endpoint
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://other")
    assert access.s3_endpoint() == "https://other"


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
    assert access.fsspec_options("s3://b/k")["endpoint_url"] == endpoint
    host = None if endpoint is None else endpoint.partition("://")[2]
    assert access.gdal_options().get("AWS_S3_ENDPOINT") == host


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
    unsaid = access.fsspec_options(uri)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert access.fsspec_options(uri) == unsaid | options


def test_other_clients_variables_are_said_to_gdal(monkeypatch: pytest.MonkeyPatch) -> None:
    before = access.gdal_options()
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "a")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "k")
    monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/home/me/keys")
    assert access.gdal_options() == before | {
        "AZURE_STORAGE_ACCOUNT": "a",
        "AZURE_STORAGE_ACCESS_KEY": "k",
        "AWS_NO_SIGN_REQUEST": True,
        "CPL_AWS_CREDENTIALS_FILE": "/home/me/keys",
    }


NO_KEY = {"AWS_NO_SIGN_REQUEST": "YES", "GS_NO_SIGN_REQUEST": "YES", "AZURE_NO_SIGN_REQUEST": "YES"}
MEANINGS: list[tuple[dict[str, str], dict[str, Any]]] = [
    ({}, {}),
    ({"AWS_ENDPOINT_URL": "http://s3.host:9000/tenant"}, {"endpoint": "http://s3.host:9000/tenant"}),
    ({"AWS_REGION": "eu-central-1"}, {"region": "eu-central-1"}),
    ({"AWS_PROFILE": "minio"}, {"profile": "minio"}),
    (NO_KEY, {"anonymous": True}),
    ({"AWS_REQUEST_PAYER": "requester"}, {"requester_pays": True}),
    ({"AZURE_STORAGE_ACCOUNT": "a"}, {"account": "a"}),
]
"""Variables of the environment, and the storage that says the same."""

OTHERS = {
    "AWS_ENDPOINT_URL": "http://other:1",
    "AWS_S3_ENDPOINT": "other:2",
    "AWS_REGION": "other",
    "AWS_PROFILE": "ceph",
    "AWS_ACCESS_KEY_ID": "other",
    "AWS_SECRET_ACCESS_KEY": "other",
    "AWS_REQUEST_PAYER": "nobody",
    "AZURE_STORAGE_ACCOUNT": "other",
}
"""An environment that says something else of everything."""


def effective(stated: Storage) -> dict[str, dict[str, Any]]:
    """What S3, Google and Azure are asked with by fsspec, and what GDAL finds: options go before the environment."""
    found = {uri: access.fsspec_options(uri, stated) for uri in ("s3://b/k", "gs://b/k", "az://c/k")}
    found["s3://b/k"].pop("profile", None)  # botocore reads AWS_PROFILE itself
    gdal = {name: value for name, value in os.environ.items() if name.startswith(VARIABLES)}
    gdal |= {name: str(value) for name, value in access.gdal_options(stated).items()}
    return found | {"gdal": {name: value for name, value in gdal.items() if name not in _UNKNOWN_TO_GDAL}}


_UNKNOWN_TO_GDAL = ("AWS_ENDPOINT_URL",)


def same(found: dict[str, Any], expected: dict[str, Any]) -> bool:
    """Tell whether options are the same to GDAL, which takes what is empty, NO, or not there for one."""
    plain = [
        {
            name: {"YES": "True"}.get(value, value)
            for name, value in each.items()
            if value not in {"", "NO", "False", "nobody"} or name == "AWS_HTTPS"
        }
        for each in (found, expected)
    ]
    return plain[0] == plain[1]


@pytest.mark.parametrize(("variables", "said"), MEANINGS)
def test_a_storage_says_what_the_environment_can_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], said: dict[str, Any]
) -> None:
    (tmp_path / "config").write_text(CONFIG)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    stated = effective(Storage(**said))
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    found = effective(Storage())
    assert same(found.pop("gdal"), stated.pop("gdal"))
    assert found == stated


@pytest.mark.parametrize("said", [said for _, said in MEANINGS if said] + [{"anonymous": False}])
def test_what_a_storage_says_goes_before_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: dict[str, Any]
) -> None:
    (tmp_path / "config").write_text(CONFIG)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    alone, unsaid = effective(Storage(**said)), effective(Storage())
    for name, value in (OTHERS | (NO_KEY if said == {"anonymous": False} else {})).items():
        monkeypatch.setenv(name, value)
    found = effective(Storage(**said))
    for client, options in alone.items():
        own = {name: value for name, value in options.items() if unsaid[client].get(name) != value}
        assert own.items() <= found[client].items(), client
    assert "AWS_VIRTUAL_HOSTING" in found["gdal"] or "endpoint" not in said


def test_a_profiles_keys_go_before_those_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "other")
    monkeypatch.setenv("AWS_NO_SIGN_REQUEST", "YES")
    stated = Storage(profile="mine")
    assert access.fsspec_options("s3://b/k", stated).keys() >= {"profile"}
    assert "anon" not in access.fsspec_options("s3://b/k", stated)
    gdal = access.gdal_options(stated)
    assert (gdal["AWS_PROFILE"], gdal["AWS_ACCESS_KEY_ID"], gdal["AWS_NO_SIGN_REQUEST"]) == (
        "mine",
        "",
        False,
    )


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ({"endpoint": "host:9000"}, "endpoint must be a uri such as"),
        ({"endpoint": "ftp://host"}, "endpoint must be a uri such as"),
        ({"profile": ""}, "profile must be a text that is not empty"),
        ({"profile": "mine", "anonymous": True}, "anonymously or with the keys of a profile"),
    ],
)
def test_what_is_no_storage_is_refused_at_birth(said: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        Storage(**said)
