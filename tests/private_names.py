"""Finds uses of names that a library keeps for itself: its next version may have others, and would not say so."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

OWN = {"pipeline", "mrovseg", "jobs"}
PRIVATE_PACKAGES = ("zarr.core",)
"""What a library calls private in its documentation and not by its name."""

PUBLIC = {"_replace", "_asdict", "_fields", "_make", "_exit"}
"""What Python documents for all to use: of named tuples, and of ``os``."""


def private_uses(root: Path) -> Iterator[str]:
    """Yield `file:line: what` for each use below ``root`` outside the files named ``*_quirks.py``."""
    for wing in sorted(OWN):
        for path in sorted((root / wing).rglob("*.py")):
            if not path.name.endswith("_quirks.py"):
                yield from (f"{path.relative_to(root)}:{use}" for use in uses_in(path.read_text()))


def uses_in(source: str) -> Iterator[str]:
    """Yield `line: what` for each use in the text of a module."""
    tree = ast.parse(source)
    own = set(_defined(tree))
    for node in ast.walk(tree):
        yield from (f"{node.lineno}: {name}" for name in _used(node, own))  # type: ignore[attr-defined]  # see _used


def _used(node: ast.AST, own: set[str]) -> Iterator[str]:
    """Yield what a statement or expression uses, which then has a line."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names if _is_private_module(alias.name))
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        names = [f"{node.module}.{alias.name}" for alias in node.names]
        yield from (name for name in names if _is_private_module(name))
    elif isinstance(node, ast.Attribute) and _is_private(node.attr) and node.attr not in own | PUBLIC:
        yield ast.unparse(node)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) > 1:
        name = node.args[1]
        if node.func.id in {"getattr", "hasattr", "setattr", "delattr"} and isinstance(name, ast.Constant):
            yield from [ast.unparse(node)] if _is_private(str(name.value)) and name.value not in own else []


def _is_private_module(name: str) -> bool:
    package = name.partition(".")[0]
    if package in OWN or package in sys.stdlib_module_names:
        return False
    return any(map(_is_private, name.split("."))) or any(
        name == each or name.startswith(f"{each}.") for each in PRIVATE_PACKAGES
    )


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def _defined(tree: ast.Module) -> Iterator[str]:
    """Yield the names that a module gives: to functions, classes, variables, fields and its objects' attributes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and _is_own_object(node):
            yield node.attr
        elif (
            isinstance(node, ast.Call)
            and ast.unparse(node.func) == "object.__setattr__"
            and len(node.args) > 1
        ):
            yield from [str(node.args[1].value)] if isinstance(node.args[1], ast.Constant) else []


def _is_own_object(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"}
