"""A flag for every key, and commands that take them."""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from cyclopts import Parameter

from jobs.run.settings.keys import Key, keys_of
from jobs.run.settings.scenes import SceneChoice
from jobs.run.settings.segment import SegmentSettings, merged

SCENES = "scenes"  # the key without a dash before it
Command = Callable[..., int]


def takes_settings(
    cls: type = SegmentSettings, *, argument: str = SCENES, several: bool = True
) -> Callable[[Command], Command]:
    """Give a command the flags of every key; it is called with the values that were given, and its own flags.

    The key `argument` is without a dash before it, once or `several` times. A value is what was written, and is read
    where the values of files are: both mean the same.
    """

    def decorate(command: Command) -> Command:
        own = list(inspect.signature(command).parameters.values())[1:]

        @functools.wraps(command)
        def wrapped(*arguments: str, **flags: Any) -> int:  # noqa: ANN401 - of the command's flags
            given = list(arguments) if several else next(iter(arguments), None)
            mine = {each.name: flags.pop(each.name) for each in own if each.name in flags}
            config = flags.pop("config", None)
            return command(merged({argument: given, **flags}, config, cls), **mine)

        del wrapped.__wrapped__  # whose flags are not all
        wrapped.__annotations__ = {}
        wrapped.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [*_parameters(keys_of(cls), argument, several=several), *own]
        )
        return wrapped

    return decorate


def _parameters(keys: Mapping[str, Key], argument: str, *, several: bool) -> list[inspect.Parameter]:
    config = Parameter(name="--config", help="the same keys, with _ for -; flags override")
    return [
        _argument(keys[argument], several=several),
        *(_flag(key) for name, key in keys.items() if name != argument),
        _optional("config", str, config, metavar="FILE.yaml"),
    ]


def _argument(key: Key, *, several: bool) -> inspect.Parameter:
    """Return the argument of a key, once or several times; it need not be given, as the file may have it."""
    if several:
        every = Parameter(help=key.setting.help)
        return inspect.Parameter(key.name, inspect.Parameter.VAR_POSITIONAL, annotation=Annotated[str, every])
    one = Parameter(help=key.setting.help, metavar=key.setting.metavar, show_default=False)
    return inspect.Parameter(
        key.name, inspect.Parameter.POSITIONAL_ONLY, default=None, annotation=Annotated[str | None, one]
    )


def _flag(key: Key) -> inspect.Parameter:
    """Return the flag of a key: with a value as it is written, or a switch, with its opposite where it is on."""
    name, setting = f"--{key.name.replace('_', '-')}", key.setting
    parameter = Parameter(
        name=(name, setting.short) if setting.short else name,
        help=setting.help,
        show_default=key.shown_default or False,
        negative=f"--no-{key.name.replace('_', '-')}" if key.default is True else "",
    )
    metavar = setting.metavar or "|".join(setting.choices) or _METAVARS.get(key.kind, "VALUE")
    if key.kind is SceneChoice:
        # Several behind one flag: what begins with a dash is the next one.
        several = Parameter(consume_multiple=True, allow_leading_hyphen=False)
        return _optional(key.name, list[str], parameter, several, metavar=metavar)
    return _optional(key.name, bool if key.kind is bool else str, parameter, metavar=metavar)


_METAVARS: dict[Any, str] = {int: "N", float | int: "NUMBER"}


def _optional(name: str, kind: Any, *parameters: Parameter, metavar: str) -> inspect.Parameter:  # noqa: ANN401 - a type
    valued = Parameter() if kind is bool else Parameter(metavar=metavar, allow_leading_hyphen=True)
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[kind | None, valued, *parameters],
    )
