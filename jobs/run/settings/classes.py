"""Classes as files and flags name them."""

from typing import Any

from jobs.run.settings.suggestions import refuse_unknown
from mrovseg.words.vocabulary import Vocabulary, check_not_reserved, parse, quoted
from pipeline.errors import ConfigError

CLASS_KEYS = ("name", "prompts")


def read_classes(given: object) -> Vocabulary:
    """Read classes: the text of `--classes`, or a list of such texts and of `{name, prompts}`.

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
    return check_not_reserved(
        Vocabulary(tuple(name for name, _ in classes), tuple(prompts for _, prompts in classes))
    )


def write_classes(vocabulary: Vocabulary) -> list[dict[str, Any]]:
    """Return what is read to the same classes."""
    return [
        {"name": name, "prompts": list(prompts)}
        for name, prompts in zip(vocabulary.names, vocabulary.prompts, strict=True)
    ]


def _read_class(given: object) -> tuple[str, tuple[str, ...]]:
    if isinstance(given, str):
        one = parse(given)
        if len(one.names) == 1:
            return one.names[0], one.prompts[0]
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
    return " ".join(name.split()), tuple(" ".join(prompt.split()) for prompt in prompts)
