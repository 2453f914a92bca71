"""A folder has one purpose, which its package says in a line, and no more files than a reader takes in at once."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TOPS = ("pipeline", "mrovseg", "jobs", "tests")
MOST_FILES = 13


def packages_of(root: Path) -> Iterator[Path]:
    """Yield every folder below ``root`` that holds Python, and ``root``."""
    yield from sorted({path.parent for path in root.rglob("*.py")})


def faults_of(folder: Path) -> Iterator[str]:
    """Yield what is wrong with a folder of Python files."""
    files = len(list(folder.glob("*.py")))
    if files > MOST_FILES:
        yield f"{folder} has {files} files, the most is {MOST_FILES}"
    init = folder / "__init__.py"
    if not init.exists():
        yield f"{folder} is no package"
        return
    purpose = (ast.get_docstring(ast.parse(init.read_text())) or "").partition("\n")[0]
    if not purpose.endswith("."):
        yield f"{init} says its purpose in no line of its own: {purpose!r}"


@pytest.mark.parametrize("top", TOPS)
def test_folders_have_one_purpose_and_few_files(top: str) -> None:
    folders = list(packages_of(ROOT / top))
    assert folders
    assert [fault for folder in folders for fault in faults_of(folder)] == []


@pytest.mark.parametrize(
    ("files", "init", "fault"),
    [
        (MOST_FILES, '"""Its purpose."""', "has 14 files"),
        (1, "", "purpose"),
        (1, '"""Its purpose\nin two lines."""', "purpose"),
        (1, None, "no package"),
    ],
)
def test_a_folder_at_fault_is_told(tmp_path: Path, files: int, init: str | None, fault: str) -> None:
    for number in range(files):
        (tmp_path / f"module_{number}.py").touch()
    if init is not None:
        (tmp_path / "__init__.py").write_text(init)
    assert [fault in found for found in faults_of(tmp_path)] == [True]


def test_a_folder_as_it_should_be_has_no_fault(tmp_path: Path) -> None:
    for number in range(MOST_FILES - 1):
        (tmp_path / f"module_{number}.py").touch()
    (tmp_path / "__init__.py").write_text('"""Its purpose."""\n')
    assert list(faults_of(tmp_path)) == []
