"""The papers: their links lead somewhere, and the commands in them exist."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from jobs import cli
from jobs.run.exit_codes import ExitCode

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("pipeline", "mrovseg", "jobs", "infra")
PAPERS = sorted(
    [*ROOT.glob("*.md"), *(paper for folder in FOLDERS for paper in (ROOT / folder).rglob("*.md"))]
)
OF_TODAY = [
    paper for paper in PAPERS if paper.stem not in {"CHANGELOG", "DECISIONS"}
]  # the others tell of the past
README_LINES = 300

LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"^```.*?^```|^(?:[ ]{4,}[^\n]*\n)+|`([^`\n]+)`", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"\bmrovseg ([a-z]+)\b([^\n`|#]*)")
FLAG = re.compile(r"(?<![\w-])(--?[a-z][a-z-]*)")


def anchors(paper: str) -> set[str]:
    """What the headings of a paper are called in links, as GitHub calls them."""
    headings = re.findall(r"^#+ (.+)$", paper, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(paper: str, folder: Path) -> Iterator[str]:
    """Yield the relative links of a paper in a folder that lead to no file, or to no heading of one."""
    for link in LINK.findall(paper):
        path, _, anchor = link.partition("#")
        target = folder / path
        if re.match(r"[a-z]+:", link):
            continue
        if not target.exists() or (anchor and anchor not in anchors(target.read_text() if path else paper)):
            yield link


def commands(paper: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each verb that a paper's code names, with its flags; flags that stand alone are of the verb ""."""
    for found in CODE.finditer(paper):
        for line in (found[1] or found[0]).replace("\\\n", " ").splitlines():
            yield from ((verb, FLAG.findall(rest)) for verb, rest in COMMAND.findall(line))
            if line.lstrip().startswith("--"):
                yield "", FLAG.findall(line)


def unknown(named: Sequence[tuple[str, list[str]]], helps: dict[str, str]) -> set[str]:
    """Return the verbs and flags that no help knows."""
    flags = {verb: set(FLAG.findall(text)) for verb, text in helps.items()}
    flags[""] = set().union(*flags.values())
    verbs = {verb for verb, _ in named if verb not in flags}
    return verbs | {
        f"{verb} {flag}".strip()
        for verb, given in named
        for flag in given
        if flag not in flags.get(verb, {flag})
    }


def help_of(verb: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What a user sees of a verb; nothing of one that does not exist."""
    code = cli.main([verb, "--help"])
    return capsys.readouterr().out if code == ExitCode.DONE else ""


def test_the_first_paper_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= README_LINES


def test_every_relative_link_leads_to_a_file_and_a_heading() -> None:
    broken = {
        str(paper.relative_to(ROOT)): found
        for paper in PAPERS
        if (found := list(broken_links(paper.read_text(), paper.parent)))
    }
    assert broken == {}


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "there.md").write_text("# What `is`, there\n")
    paper = (
        "# Here\n[a](there.md#what-is-there) [b](there.md#gone) [c](gone.md) [d](#here) [e](https://host/x)"
    )
    assert list(broken_links(paper, tmp_path)) == ["there.md#gone", "gone.md"]


def test_every_verb_and_flag_that_the_papers_name_exists(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")
    named = [command for paper in OF_TODAY for command in commands(paper.read_text())]
    verbs = sorted({verb for verb, _ in named if verb})
    assert {"segment", "evaluate"} <= set(verbs)
    helps = {verb: text for verb in verbs if (text := help_of(verb, capsys))}
    assert "--classes" in helps["segment"]
    assert unknown(named, helps) == set()


def test_commands_are_found_wherever_code_stands() -> None:
    paper = """
Say `mrovseg plan SCENES --all`, or `--json`, of --this nothing.

    mrovseg segment a.tif -o OUT \\
      --classes "road"  # not --that
    docker build --file infra/Dockerfile

```yaml
# mrovseg train --data DIR
```
"""
    assert list(commands(paper)) == [
        ("plan", ["--all"]),
        ("", ["--json"]),
        ("segment", ["-o", "--classes"]),
        ("train", ["--data"]),
    ]


def test_a_verb_or_flag_that_does_not_exist_is_found() -> None:
    named = [("plan", ["--all", "--fast"]), ("", ["--json"]), ("", ["--xml"]), ("draw", ["--big"])]
    assert unknown(named, {"plan": "--all", "status": "--json"}) == {"plan --fast", "--xml", "draw"}
