"""The command's face: help, verbs, and what a shell sees when nothing can be done."""

import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from jobs import cli

MROVSEG = Path(sys.executable).parent / "mrovseg"


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([MROVSEG, *arguments], cwd=cwd, capture_output=True, text=True, check=False)


def test_help_lists_every_verb_with_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(re.search(rf"^. {verb} ", said, re.MULTILINE) for verb in cli.VERBS)
    assert "Examples:\n  mrovseg demo" in said
    assert "mrovseg completion bash --install" in said


@pytest.mark.parametrize("verb", cli.VERBS)
def test_a_verb_has_its_own_help_with_examples_of_itself(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([verb, "--help"]) == 0
    said = capsys.readouterr().out
    assert f"Usage: mrovseg {verb}" in said
    assert f"Examples:\n  mrovseg {verb}" in said
    examples = said.partition("Examples:\n")[2]
    assert examples.endswith("\n")
    assert all(line.startswith("  mrovseg ") for line in examples.splitlines()), "an example is cut"


@pytest.mark.parametrize("arguments", [["--version"], ["status", "--version"]])
def test_the_version_is_that_of_the_distribution(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == 0
    assert capsys.readouterr().out.strip() == metadata.version("mrovseg")


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["segmint", "a.tif"], 'Did you mean "segment"?'),
        (["stauts", "out"], 'Did you mean "status"?'),
        (["segment", "a.tif", "--clases", "road"], "Did you mean --classes?"),
        (["plan", "a.tif", "--windw-px", "512"], "Did you mean --window-px?"),
        (["status", "out", "--jsno"], "Did you mean --json?"),
    ],
)
def test_what_is_misspelt_is_answered_by_what_was_meant(
    arguments: list[str], meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert meant in line


def test_a_flag_that_is_cut_short_too_much_is_not_guessed(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["segment", "a.tif", "--max-", "1"]) == 2
    assert "Unknown option: --max-" in capsys.readouterr().err


def test_a_completion_is_installed_for_a_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cli.main(["completion", "bash", "--install"]) == 0
    assert "status" in Path(capsys.readouterr().out.strip()).read_text()
    assert cli.main(["completion", "bahs"]) == 2
    assert 'Did you mean "bash"?' in capsys.readouterr().err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_can_complete_verbs_and_flags(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["completion", shell]) == 0
    said = capsys.readouterr().out
    assert all(verb in said for verb in cli.VERBS)
    assert "window-px" in said


def test_bash_completes_by_what_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["completion", "bash"]) == 0
    script = tmp_path / "mrovseg.bash"
    script.write_text(capsys.readouterr().out)
    ask = (
        f"source {script}; COMP_WORDS=(mrovseg sta); COMP_CWORD=1; "
        '_mrovseg mrovseg sta mrovseg; echo "${COMPREPLY[@]}"'
    )
    found = subprocess.run(["bash", "-c", ask], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["status"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "give a verb"),
        (["segmint"], "segmint"),
        (["segment", "a.tif", "--classes", "road", "-o", "out", "--window-p", "wide"], "wide"),
        (["segment", "a.tif", "--classes", "road", "-o", "out", "--threshold", "high"], "'high'"),
        (["status"], "requires an argument"),
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
    assert cli.main(arguments) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()[-1:]
    assert named in line
    assert not (tmp_path / "out").exists()


def test_a_shell_sees_code_2_and_no_traceback(tmp_path: Path) -> None:
    ended = run("segment", "a.tif", cwd=tmp_path)
    assert ended.returncode == 2, ended.stderr
    assert "classes and output must be given" in ended.stderr
    assert "Traceback" not in ended.stderr
