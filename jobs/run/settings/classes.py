"""Classes as files and flags name them."""

from typing import Any

from jobs.run.settings.suggestions import refuse_unknown
from mrovseg.words.vocabulary import Vocabulary, check_not_reserved, parse, quoted
from pipeline.errors import ConfigError
from pipeline.output.palette import checked_color

CLASS_KEYS = ("name", "prompts", "color")


def read_classes(given: object) -> Vocabulary:
    """Read classes: the text of `--classes`, or a list of such texts and of `{name, prompts, color}`.

    >>> read_classes(["house, hut", {"name": "wet", "prompts": ["river", "lake"]}]).names
    ('house', 'wet')
    """
    if isinstance(given, str):
        return parse(given)
    if not isinstance(given, list) or not given:
        raise ConfigError(
            f"classes must be a text such as 'building,house; road' or a list, got {quoted(str(given))}"
        )
    classes = [_read_class(one) for one in given]
    names, prompts, colors = zip(*classes, strict=True)
    return check_not_reserved(Vocabulary(names, prompts, colors if any(colors) else ()))


def write_classes(vocabulary: Vocabulary) -> list[dict[str, Any]]:
    """Return what is read to the same classes."""
    colors = vocabulary.colors or ("",) * len(vocabulary.names)
    return [
        {"name": name, "prompts": list(prompts), **({"color": color} if color else {})}
        for name, prompts, color in zip(vocabulary.names, vocabulary.prompts, colors, strict=True)
    ]


def _read_class(given: object) -> tuple[str, tuple[str, ...], str]:
    """Read a class: its name, its prompts, and its colour, empty where none is chosen."""
    if isinstance(given, str):
        one = parse(given)
        if len(one.names) == 1:
            return one.names[0], one.prompts[0], ""
        raise ConfigError(
            f"an item of the list classes is one class, got {len(one.names)} in {quoted(given)}"
        )
    if not isinstance(given, dict):
        raise ConfigError(
            f"an item of the list classes is a text or has the keys {', '.join(CLASS_KEYS)}, got {quoted(str(given))}"
        )
    refuse_unknown(given, CLASS_KEYS, where="a class")
    name, prompts = given.get("name"), given.get("prompts", [given.get("name")])
    prompts = [prompts] if isinstance(prompts, str) else prompts
    if not isinstance(name, str) or not name:
        raise ConfigError(f"name of a class must be a text that is not empty, got {name!r}")
    if (
        not isinstance(prompts, list)
        or not prompts
        or not all(isinstance(one, str) and one for one in prompts)
    ):
        raise ConfigError(
            f"prompts of class {quoted(name)} must be a list of texts, got {quoted(str(prompts))}"
        )
    return (
        " ".join(name.split()),
        tuple(" ".join(prompt.split()) for prompt in prompts),
        _read_color(name, given.get("color")),
    )


def _read_color(name: str, given: object) -> str:
    if given is None:
        return ""
    try:
        return checked_color(str(given))
    except ValueError as error:
        raise ConfigError(f"color of class {quoted(name)}: {error}; YAML wants it in quotes") from None
