from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import Reading
from pipeline.dates import DatetimePattern, span_of
from pipeline.errors import ConfigError

MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2068, 12, 31)).map(  # noqa: DTZ001 - names tell no zone
    lambda moment: moment.replace(microsecond=0)
)
PATTERNS = ["%Y%m%dT%H%M%S", "S2_%Y-%m-%d_%H%M%S", "%d.%m.%Y", "%Y%j", "a%%b%y%m%d", "%Y", "naip(%Y)*"]


@given(MOMENTS, st.sampled_from(PATTERNS), st.text("ab_.", max_size=8), st.text("ab_.", max_size=8))
def test_a_date_is_found_wherever_a_name_has_it(
    moment: datetime, pattern: str, before: str, after: str
) -> None:
    written = moment.strftime(pattern)
    found = DatetimePattern(pattern).found_in(f"{before}{written}{after}")
    assert found == datetime.strptime(written, pattern).isoformat()  # noqa: DTZ007 - the same


@given(st.text(max_size=40), st.sampled_from(PATTERNS))
def test_any_name_has_a_date_or_none(name: str, pattern: str) -> None:
    found = DatetimePattern(pattern).found_in(name)
    assert found is None or datetime.fromisoformat(found).strftime(pattern) in name


def test_the_first_that_is_a_date_is_taken() -> None:
    pattern = DatetimePattern("%Y%m%d")
    assert pattern.found_in("99999999_20240531_20230101.tif") == "2024-05-31T00:00:00"
    assert pattern.found_in("120240531.tif") == "2024-05-31T00:00:00"
    assert pattern.found_in("scene.tif") is None


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("%b", "got %b"),
        ("%Y%", "got %"),
        ("", "no year"),
        ("%m%d", "%m without %Y or %y"),
        ("%Y%d", "%d without %m"),
        ("%Y%m%dT%M", "%M without %H"),
        ("%Y%Y", "once"),
        ("%Y%m%j", "once"),
    ],
)
def test_what_tells_no_date_is_refused_before_anything_starts(pattern: str, said: str) -> None:
    with pytest.raises(ConfigError, match="datetime_pattern must") as found:
        Reading(datetime_pattern=pattern)
    assert said in str(found.value)


def test_spans_are_of_utc() -> None:
    plus_two = timezone(timedelta(hours=2))
    assert span_of("2024-05-31T10:00:00+02:00") == (datetime(2024, 5, 31, 10, tzinfo=plus_two),) * 2
    first, last = span_of("2024-01-01T00:00:00Z/2024-12-31T23:59:59Z") or (None, None)
    assert (first, last) == (
        datetime(2024, 1, 1, tzinfo=UTC),
        datetime(2024, 12, 31, 23, 59, 59, tzinfo=UTC),
    )
    assert span_of(None) is None
    assert span_of("yesterday") is None
