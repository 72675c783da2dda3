"""The command `tiergate`: which parts it has. Each part is loaded when it is called.

Loading what all of them need takes ten times as long as showing the help does.
"""

import pkgutil
from dataclasses import dataclass
from importlib.metadata import version
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_command

from gateway.adapters.blas import multiply_with_one_thread
from gateway.app.cli_output import EXIT_CODES, lenient_streams, say, stop
from gateway.app.settings import EXIT_CANNOT_START


@dataclass(frozen=True, slots=True)
class Part:
    """A command or a group of them. `where` names its Typer app as `module:attribute`."""

    name: str
    where: str
    sentence: str
    extra: str = ""
    """The extra of the distribution that it needs."""


PARTS: Final = (
    Part("demo", "gateway.app.cli_demo:app", "Show it at work: real model servers, a gateway, real requests.", "demo"),
    Part("serve", "gateway.app.cli_serve:app", "Serve the gateway."),
    Part("policy", "gateway.app.cli_policy:app", "Check, explain and compare policies; write their schema."),
    Part("calibrate", "gateway.app.cli_calibrate:app", "Measure a tier with graded probes, and write its calibration."),
    Part("scale", "gateway.app.cli_scale:app", "Find what the answers of a System One server mean."),
    Part("explain", "gateway.app.cli_explain:app", "Say where a prompt would go, or a request went, and why."),
    Part("cache", "gateway.app.cli_cache:app", "Look into the cache of a running gateway, and purge it."),
    Part("doctor", "gateway.app.cli_doctor:app", "Look at this machine, and at what the policy names."),
)
_BY_NAME: Final = {part.name: part for part in PARTS}

_EPILOG: Final = "\n".join(
    (
        "Examples:",
        "  tiergate serve --policy policies/default.yaml",
        '  tiergate explain "Prove that the square root of 2 is irrational."',
        "",
        "Exit codes:",
        *(f"  {code}  {meaning}" for code, meaning in EXIT_CODES.items()),
    )
)


class LazyGroup(TyperGroup):
    """A group whose commands stand for modules that are loaded when one of them is called."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command as any group does, then load what it stands for."""
        name, command, rest = super().resolve_command(ctx, args)
        if name in _BY_NAME:
            command = get_command(load(_BY_NAME[name]))
        return name, command, rest


def load(part: Part) -> typer.Typer:
    """Import a part. Ends the command, saying what to install, when something that the part needs is missing."""
    multiply_with_one_thread()
    try:
        found: typer.Typer = pkgutil.resolve_name(part.where)
    except ModuleNotFoundError as error:
        extra = f"tiergate[{part.extra}]" if part.extra else "tiergate"
        message = f"`tiergate {part.name}` needs {error.name}, which is not installed. Run: pip install '{extra}'"
        stop(EXIT_CANNOT_START, message)
    return found


def _show_version(wanted: bool) -> None:
    if wanted:
        say(f"tiergate {version('tiergate')}")
        raise typer.Exit


app = typer.Typer(cls=LazyGroup, no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback(epilog=_EPILOG)
def describe(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Say which version this is.")
    ] = False,
) -> None:
    """An OpenAI-compatible gateway that sends every request to the cheapest model tier able to handle it."""


def _stand_in() -> None:
    """Take the place of a part in the help; `LazyGroup` loads the part itself."""


for _part in PARTS:
    app.command(_part.name, help=_part.sentence)(_stand_in)


def main() -> None:
    """Run the command line; ends the process with an exit code of `EXIT_CODES`."""
    lenient_streams()
    app(prog_name="tiergate")


if __name__ == "__main__":
    main()
