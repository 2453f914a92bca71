"""Values of a YAML file by YAML 1.2's core schema: `no`, `on`, `12:30` and `2026-01-31` are texts.

A key whose value is empty or null is not given, and one that is given twice is refused.
"""

import os
import re
from collections import defaultdict
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import yaml

from jobs.run.settings.yaml_documents import yaml_text
from pipeline.errors import ConfigError

_NULL, _TEXT = "tag:yaml.org,2002:null", "tag:yaml.org,2002:str"
_SCALARS = {
    _NULL: (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "tag:yaml.org,2002:bool": (r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    "tag:yaml.org,2002:int": (r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    "tag:yaml.org,2002:float": (
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
    "tag:yaml.org,2002:merge": (r"<<", ["<"]),
}


class _Loader(yaml.SafeLoader):
    """A safe loader that knows the scalars of YAML 1.2 alone."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - as yaml has it


def _whole(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    text = str(loader.construct_scalar(node))
    return int(text, 0) if text.startswith(("0o", "0x")) else int(text)


for _tag, (_pattern, _first) in _SCALARS.items():
    _Loader.add_implicit_resolver(_tag, re.compile(rf"(?:{_pattern})\Z"), _first)
_Loader.add_constructor("tag:yaml.org,2002:int", _whole)


def read_values(file: Path | str, *, names: Collection[str] = ()) -> Any:  # noqa: ANN401 - what a file holds
    """Return what a file holds; below the keys ``names`` every scalar is the text that was written.

    Raises:
        ConfigError: it cannot be read, or a key is given twice.
    """
    try:
        loader = _Loader(yaml_text(str(file)))
        root = loader.get_single_node()
        if root is None:
            return None
        mappings = [node for node in _nodes(root) if isinstance(node, yaml.MappingNode)]
        for mapping in mappings:
            _refuse_doubled(mapping, file)
            _drop_empty(mapping)
        for mapping in mappings:
            _take_as_written(mapping, names)
        return loader.construct_document(root)
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"cannot read the configuration {file}: {reason}") from error


def value_of(text: str) -> Any:  # noqa: ANN401 - what YAML holds
    """Return what a text of a flag is as YAML, such as `{endpoint: "https://host", anonymous: true}`."""
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


def from_home(value: Any) -> Any:  # noqa: ANN401 - what a file holds
    """Return a value whose texts that are paths below `~` begin with the user's home folder instead."""
    if isinstance(value, list):
        return [from_home(one) for one in value]
    if isinstance(value, dict):
        return {key: from_home(one) for key, one in value.items()}
    return os.path.expanduser(value) if isinstance(value, str) else value  # noqa: PTH111 - a uri is no Path


def _refuse_doubled(mapping: yaml.MappingNode, file: Path | str) -> None:
    lines = defaultdict(list)
    for key, _ in mapping.value:
        if isinstance(key, yaml.ScalarNode):
            lines[key.value].append(str(key.start_mark.line + 1))
    for name, found in lines.items():
        if len(found) > 1:
            raise ConfigError(
                f"{file} gives the key {name} {len(found)} times, in lines {', '.join(found)}: give it once"
            )


def _drop_empty(mapping: yaml.MappingNode) -> None:
    """Take out what is not given; but a class may be called null."""
    mapping.value = [
        (key, value)
        for key, value in mapping.value
        if value.tag != _NULL or (key.value == "name" and value.value)
    ]


def _take_as_written(mapping: yaml.MappingNode, names: Collection[str]) -> None:
    for node in (node for key, value in mapping.value if key.value in names for node in _nodes(value)):
        if isinstance(node, yaml.ScalarNode) and node.value not in {"", "~"}:
            node.tag = _TEXT


def _nodes(root: yaml.Node) -> Iterator[yaml.Node]:
    """Yield a node and all below it, each once, however often it is referred to."""
    seen: set[int] = set()
    left = [root]
    while left:
        node = left.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        yield node
        if isinstance(node, yaml.SequenceNode):
            left += node.value
        elif isinstance(node, yaml.MappingNode):
            left += [part for pair in node.value for part in pair]
