"""A test that is skipped for a reason that nobody expects is a failure."""

from pathlib import Path

import pytest

from tests.conftest import EXPECTED_SKIPS

CONFTEST = Path(__file__).with_name("conftest.py")
pytest_plugins = ["pytester"]


@pytest.mark.parametrize("how", ["pytest.skip({!r})", "pytest.importorskip('no_such_module', reason={!r})"])
def test_only_expected_reasons_skip(pytester: pytest.Pytester, how: str) -> None:
    reasons = [f"{EXPECTED_SKIPS[0]} and more", "it does not work here"]
    functions = [f"def test_{place}():\n    {how.format(reason)}\n" for place, reason in enumerate(reasons)]
    pytester.makeconftest("from tests.conftest import pytest_runtest_makereport")
    pytester.makepyfile("import pytest\n" + "".join(functions))
    found = pytester.runpytest("-p", "no:xdist", "-p", "no:cacheprovider")
    found.assert_outcomes(skipped=1, failed=1)
    found.stdout.fnmatch_lines(["*not among EXPECTED_SKIPS: it does not work here*"])
