import hashlib
import json
import time
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import Reading
from pipeline.errors import PipelineError
from pipeline.flow import scene_inputs
from pipeline.flow.progress.events import Events
from pipeline.geometry.scene import Band, Scene
from pipeline.output import Output
from pipeline.redact import redacted, unsigned
from pipeline.sources.naming import scene_of
from pipeline.storage import objects
from pipeline.testing import painted

SIGNING = [
    "X-Amz-Signature",
    "X-Amz-Credential",
    "x-amz-security-token",
    "X-Goog-Signature",
    "Signature",
    "sig",
    "token",
    "access_token",
    "accessToken",
    "authToken",
    "authkey",
    "jwt",
    "api_key",
    "apikey",
    "APIKey",
    "AWSAccessKeyId",
    "Key-Pair-Id",
    "Ocp-Apim-Subscription-Key",
    "password",
    "clientSecret",
    "%73ig",
    "acce%73s%54oken",
    "%2573ig",
]
NAMES = st.sampled_from(SIGNING)
SECRETS = st.text("ABCDEFabcdef0123456789-_", min_size=12, max_size=40).map(lambda text: f"S{text}x")
HARMLESS = st.dictionaries(
    st.sampled_from(["id", "page", "bands", "file", "versionId"]), st.text("abc123/", min_size=1), max_size=3
)
UNKNOWN = st.text("abcdefghijklmnop", min_size=9, max_size=12)
"""Names that nobody has heard of: longer than those that are shown."""


def query(parts: dict[str, str]) -> str:
    return "&".join(f"{name}={value}" for name, value in parts.items())


def assert_same_id(uri: str, other: str) -> None:
    assert scene_of(uri).scene_id == scene_of(other).scene_id


@given(NAMES, SECRETS, HARMLESS)
def test_no_secret_is_left_and_nothing_else_is_lost(name: str, secret: str, harmless: dict[str, str]) -> None:
    uri = f"https://host/a.tif?{query(harmless | {name: secret})}"
    kept = f"https://host/a.tif?{query(harmless)}".rstrip("?")
    assert redacted(f"cannot read '{uri}': 403, and {uri}.") == f"cannot read '{kept}': 403, and {kept}."


PLACES = [
    "https://host/a.tif?{n}={s}",
    "https://host/a.tif?id=5;{n}={s}&page=2",
    "https://host/a;{n}={s}/b.tif",
    "https://host/b.tif;{n}={s};v=1.5",
    "https://host/b.tif#{n}={s}",
    "https://host/b.tif?id=5#x=1&{n}={s}",
    "HTTPS://host/get?{n}={s}",
    "gs://bucket/a.tif?x=1.5&{n}={s}.{s}",
    "https://host/proxy/https%3A%2F%2Fb%2Fa.tif%3F{n}%3D{s}%26id%3D5",
    "https://host/get?url=https%3A%2F%2Fb%2Fa.tif%3F{n}%3D{s}",
    "https://host/get?url=https://b/a.tif?{n}={s}",
    "s3://bucket/a.tif?versionId=3&{n}={s}",
]


@given(st.sampled_from(PLACES), NAMES | UNKNOWN, SECRETS)
def test_no_parameter_of_a_name_that_is_not_known_to_be_harmless_is_shown_anywhere(
    place: str, name: str, secret: str
) -> None:
    uri = place.format(n=name, s=secret)
    once = redacted(f"cannot read {uri}: 403")
    assert secret not in once
    assert redacted(once) == once
    assert urlsplit(uri).netloc in once
    assert secret not in scene_of(uri).scene_id


@given(st.sampled_from(PLACES[:9]), NAMES, SECRETS, SECRETS)
def test_a_new_signature_is_the_same_scene(place: str, name: str, secret: str, other: str) -> None:
    first, second = (place.format(n=name, s=each) for each in (secret, other))
    assert_same_id(first, second)
    assert redacted(first) == redacted(second)


@given(UNKNOWN, st.integers(0, 999), st.integers(0, 999))
def test_what_is_not_shown_still_tells_two_scenes_apart(name: str, one: int, two: int) -> None:
    first, second = (f"https://host/get?{name}={number}" for number in (one, two))
    assert (scene_of(first).scene_id == scene_of(second).scene_id) == (one == two)
    assert (redacted(first) == redacted(second)) == (one == two)
    assert f"={one}" not in redacted(first)


UNSIGNED = st.sampled_from(
    ["https://host/get", "s3://bucket/who@where/se", "/data/a?.tif", "s3://b/a;b=1/c#d.tif", "gs://b/x y"]
)


@given(UNSIGNED, st.dictionaries(UNKNOWN | st.sampled_from(["se", "Expires", "key", "code", "t"]), UNKNOWN))
def test_the_id_of_a_uri_that_nothing_signs_is_of_the_digest_of_all_of_it(
    uri: str, parts: dict[str, str]
) -> None:
    uri = f"{uri}?{query(parts)}" if parts else uri
    assert scene_of(uri).scene_id.rpartition("-")[2] == hashlib.sha256(uri.encode()).hexdigest()[:16]


@given(NAMES, SECRETS, HARMLESS)
def test_the_id_of_a_signed_uri_is_of_the_digest_of_what_does_not_sign(
    name: str, secret: str, harmless: dict[str, str]
) -> None:
    bare = f"https://host/a.tif?{query(harmless)}" if harmless else "https://host/a.tif"
    signed = f"https://me:pw@host/a.tif?{query({**harmless, name: secret, 'se': '2030', 'Expires': '5'})}"
    assert scene_of(signed).scene_id.rpartition("-")[2] == hashlib.sha256(bare.encode()).hexdigest()[:16]


@given(SECRETS, SECRETS)
def test_redacting_twice_changes_nothing(user: str, secret: str) -> None:
    once = redacted(
        f"https://{user}:{secret}@host/a.tif?sv=2024&se=2030&sp=r&sig={secret} and s3://{user}@b/c"
    )
    assert once == redacted(once) == "https://host/a.tif and s3://b/c"


@pytest.mark.parametrize(
    "text",
    [
        "https://me:{s}@host/a.tif",
        "https://me:p@{s}@host/a.tif",
        "https://me:p/{s}@host/a.tif",
        "https://me:p?{s}@host/a.tif",
        "ftp://{s}@host/a.tif",
        "reference://a::https://me:{s}@host/a.tif",
        "/vsicurl/https://me:{s}@host/a.tif",
        "ProxyError: cannot connect to me:{s}@proxy.org:3128",
        "Authorization: Bearer {s}",
        "{{'Authorization': 'Basic {s}=='}}",
        '{{"authorization": "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/2026, Signature={s}"}}',
        "the server refused Bearer {s}1.x",
        "X-Amz-Security-Token: {s}",
        "x-api-key={s}",
        "aws_secret_access_key = {s}",
        "AccountName=n;AccountKey={s};EndpointSuffix=core",
        "SharedAccessSignature=sv=2024&sig={s}",
        "password: {s}",
        "token: {s}1",
        "<Error><SecretAccessKey>{s}</SecretAccessKey></Error>",
        "Max retries exceeded with url: /a.tif?whatever={s} (Caused by x)",
        "GET /a.tif?accessToken={s} failed",
    ],
)
def test_a_credential_in_any_text_is_left_out(text: str) -> None:
    secret = "h7Nter2Secret"  # noqa: S105 - it opens nothing
    once = redacted(text.format(s=secret))
    assert secret not in once
    assert redacted(once) == once


@pytest.mark.parametrize(
    "secret",
    [
        "AKIAIOSFODNN7EXAMPLE",
        "ASIAIOSFODNN7EXAMPLE",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
        "AIzaSyA1234567890123456789012345678901_",
        "ghp_123456789012345678901234567890123456",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_a_credential_is_known_by_its_shape(secret: str) -> None:
    said = redacted(f"refused: {secret}, and gone")
    assert said == "refused: ***, and gone"


@pytest.mark.parametrize(
    "text",
    [
        "cannot open /data/a:b@c.tif: no such file",
        "http://localhost:8080/a@b.tif",
        "http://[::1]:9000/a@b.tif",
        "s3://bucket/who@where/a?.tif and s3://bucket/[ab]?/*.tif",
        "https://host/a.tif?id=5&bbox=1.5,-2,3,4&page=2: 403.",
        "https://host/doc.html#part-2",
        "what is the design=5, and which author=me?",
        "s3://bucket refused: NoCredentialsError: Unable to locate credentials. Check the storage's credentials",
        "unexpected token: NUMBER at 5",
        "basic authentication is wanted, no bearer",
    ],
)
def test_what_is_harmless_stays(text: str) -> None:
    assert redacted(text) == text


def test_an_error_holds_no_credential() -> None:
    error = PipelineError("cannot read https://me:hunter2@host/a.tif?sig=b0b&id=3")
    assert str(error) == "cannot read https://host/a.tif?id=3"


def test_an_event_is_json_and_holds_no_credential(capsys: pytest.CaptureFixture[str]) -> None:
    message = 'refused "token=h7Nter2" of https://host/a?x="b\\c'
    Events().say(
        "scene_failed",
        uri="https://me:h7Nter2@h/a?jwt=h7Nter2",
        message=message,
        uris=["https://h?k=h7Nter2"],
    )
    line = capsys.readouterr().err
    assert "h7Nter2" not in line
    assert json.loads(line)["uri"] == "https://h/a"


def test_bands_of_files_that_only_hidden_parameters_tell_apart_stay_apart(tmp_path: Path) -> None:
    output, paths = str(tmp_path / "out"), []
    for number, name in enumerate(["token=1a2b3c4d", "token=2a2b3c4d", "token=3a2b3c4d"]):
        paths.append(str(tmp_path / f"{name}.tif"))
        painted.paint_scene(Path(paths[-1]), height=32, width=32, seed=number)
    scene = Scene("s", paths[0], tuple(Band(path, place) for place, path in enumerate(paths, 1)))  # type: ignore[arg-type]
    first = scene_inputs.pin_view(Output(output), scene, Reading())
    noted = objects.get_bytes(Output(output).scene("s").inputs)
    assert b"a2b3c4d" not in noted
    assert [band.uri for band in first.bands] == paths
    assert scene_inputs.pin_view(Output(output), scene, Reading()) == first


def test_percent_encoding_of_all_of_a_name_hides_nothing_from_us() -> None:
    name = "".join(f"%{ord(letter):02x}" for letter in "accessToken")
    assert unsigned(f"https://h/a?{name}=1") == unsigned(f"https://h/a?{quote(name)}=1") == "https://h/a"


HOSTILE = [
    "a",
    "a.",
    "x-",
    "://a:b",
    "://",
    "eyJ",
    "-eyJ",
    ";a",
    "?a",
    "&a",
    "%25",
    "%3F",
    "<a",
    "token",
    "a:",
    "://a:1",
    "a@b",
    "sig",
    "://a?b=",
]


def test_a_text_of_whatever_a_file_may_hold_is_looked_through_in_no_time() -> None:
    began_s = time.process_time()
    for piece in HOSTILE:
        long = piece * (20_000 // len(piece))
        for text in (long, f"https://h/{long}", f"https://h/?{long}"):
            redacted(text)
            unsigned(text)
    assert time.process_time() - began_s < 10
