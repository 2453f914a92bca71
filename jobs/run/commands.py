"""Commands: what every verb's flags, help and errors have in common. The door to cyclopts for verbs."""

from collections.abc import Sequence
from importlib import metadata

from cyclopts import App, CycloptsError, Parameter

from jobs.run.exit_codes import ExitCode
from pipeline.errors import ConfigError


def command(verb: str, *, usage: str, about: str, examples: Sequence[str]) -> App:
    """Return a command without its flags; `usage` is what may follow the verb, `examples` whole command lines."""
    name = f"mrovseg {verb}".strip()
    return App(
        name=verb or "mrovseg",
        usage=f"Usage: {name} {usage}",
        help=about,
        help_epilogue="\n".join(["Examples:", *(f"  {each}" for each in examples), ""]),
        help_format="plaintext",
        version=lambda: metadata.version("mrovseg"),
        suppress_keyboard_interrupt=False,
        # Of a flag that is given twice the last one holds, as scripts that append flags have it.
        default_parameter=Parameter(negative="", show_default=_shown, allow_repeating=True),
    )


def run(app: App, argv: Sequence[str]) -> int:
    """Run a command by its flags; returns its exit code. Raises ConfigError, in one line, for flags that cannot be."""
    try:
        code = app(
            _completed(app, argv), exit_on_error=False, print_error=False, result_action="return_value"
        )
    except CycloptsError as error:
        name = " ".join(dict.fromkeys(["mrovseg", app.name[0]]))
        raise ConfigError(f"{' '.join(str(error).split())} See `{name} --help`") from error
    return ExitCode.DONE if code is None else code


def _shown(default: object) -> str:
    if default in (None, ()):
        return "none"
    return {True: "yes", False: "no"}[default] if isinstance(default, bool) else str(default)


def _completed(app: App, argv: Sequence[str]) -> list[str]:
    """Return arguments with the flags whose names are cut short in full, up to `--`, behind which there are none."""
    if app.default_command is None:
        return list(argv)
    known = [
        name for one in app.assemble_argument_collection() for name in one.names if name.startswith("--")
    ]
    flags, behind = list(argv), []
    if "--" in flags:
        flags, behind = flags[: flags.index("--")], flags[flags.index("--") :]
    return [*(_whole_name(each, known) for each in flags), *behind]


def _whole_name(argument: str, known: Sequence[str]) -> str:
    name, equals, value = argument.partition("=")
    if not name.startswith("--") or name in known:
        return argument
    meant = [flag for flag in known if flag.startswith(name)]
    return f"{meant[0]}{equals}{value}" if len(meant) == 1 else argument
