"""The command's face: help, verbs, and what a shell sees when nothing can be done."""

import subprocess
import sys
from pathlib import Path

import pytest

from jobs import cli

MROVSEG = Path(sys.executable).parent / "mrovseg"


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([MROVSEG, *arguments], cwd=cwd, capture_output=True, text=True, check=False)


def test_help_lists_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert all(verb in said for verb in cli.VERBS)


@pytest.mark.parametrize("verb", cli.VERBS)
def test_a_verb_has_its_own_help(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([verb, "--help"])
    assert ended.value.code == 0
    assert f"usage: mrovseg {verb}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["segmint"], "segmint"),
        (["segment", "--window", "wide"], "wide"),
        (["segment", "a.tif"], "classes and output must be given"),
        (["segment", "a.tif", "--classes", "road; road", "-o", "out"], "'road'"),
        (["segment", __file__, "--classes", "road", "-o", "out", "--checkpoint", "huge"], "huge"),
        (["segment", "--config", "none.yaml"], "none.yaml"),
        (["segment", "*.tif", "--classes", "road", "-o", "out"], "*.tif"),
    ],
)
def test_bad_usage_is_code_2_and_one_clear_line(
    arguments: list[str],
    named: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    code: object
    try:
        code = cli.main(arguments)
    except SystemExit as ended:  # argparse's way
        code = ended.code
    assert code == 2
    assert named in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_shell_sees_code_2_and_no_traceback(tmp_path: Path) -> None:
    ended = run("segment", "a.tif", cwd=tmp_path)
    assert ended.returncode == 2, ended.stderr
    assert "classes and output must be given" in ended.stderr
    assert "Traceback" not in ended.stderr
