from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import PipelineError
from pipeline.redact import redacted
from pipeline.scene import scene_of

NAMES = st.sampled_from(
    [
        "X-Amz-Signature",
        "X-Amz-Credential",
        "x-amz-security-token",
        "X-Goog-Signature",
        "Signature",
        "sig",
        "token",
        "access_token",
        "api_key",
        "apikey",
        "AWSAccessKeyId",
        "Key-Pair-Id",
        "Ocp-Apim-Subscription-Key",
        "password",
    ]
)
SECRETS = st.text("ABCDEFabcdef0123456789%+-_", min_size=8, max_size=40)
HARMLESS = st.dictionaries(
    st.sampled_from(["id", "page", "bands", "key"]), st.text("abc123", min_size=1), max_size=3
)


def query(parts: dict[str, str]) -> str:
    return "&".join(f"{name}={value}" for name, value in parts.items())


@given(NAMES, SECRETS, HARMLESS)
def test_no_secret_is_left_and_nothing_else_is_lost(name: str, secret: str, harmless: dict[str, str]) -> None:
    uri = f"https://host/a.tif?{query(harmless | {name: secret})}"
    kept = f"https://host/a.tif?{query(harmless)}".rstrip("?")
    assert redacted(f"cannot read '{uri}': 403, and {uri}.") == f"cannot read '{kept}': 403, and {kept}."


@given(HARMLESS)
def test_a_uri_that_is_not_signed_stays(harmless: dict[str, str]) -> None:
    uri = f"s3://bucket/who@where/se?{query(harmless | {'se': '1', 'Expires': 'never'})}"
    assert redacted(uri) == uri


@given(SECRETS, SECRETS)
def test_redacting_twice_changes_nothing(user: str, secret: str) -> None:
    once = redacted(
        f"https://{user}:{secret}@host/a.tif?sv=2024&se=2030&sp=r&sig={secret} and s3://{user}@b/c"
    )
    assert once == redacted(once) == "https://host/a.tif and s3://b/c"


def test_a_scene_is_the_same_however_its_uri_is_signed_and_another_by_what_is_no_signature() -> None:
    first, again, other = (
        scene_of(f"https://host/get?id={number}&X-Amz-Date={date}&X-Amz-Signature={date}")
        for number, date in ((1, "a"), (1, "b"), (2, "a"))
    )
    assert first.scene_id == again.scene_id != other.scene_id
    assert first.uri != again.uri


def test_an_error_holds_no_credential() -> None:
    error = PipelineError("cannot read https://me:hunter2@host/a.tif?sig=b0b&id=3")
    assert str(error) == "cannot read https://host/a.tif?id=3"
