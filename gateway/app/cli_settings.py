"""Settings as options: made from the settings' table, so that neither has one which the other lacks."""

import inspect
from collections.abc import Callable

import typer
from rich.markup import escape

from gateway.app.settings import TABLE, Setting


def taking_settings(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Let typer see these settings, or all when none is named, as options of a command that takes `**given`.

    A setting that is not given on the command line arrives as None. The command's own parameters, keyword-only, follow.
    """
    rows = [setting for setting in TABLE if not names or setting.name in names]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        stated = inspect.signature(command).parameters.values()
        own = [each for each in stated if each.kind is not inspect.Parameter.VAR_KEYWORD]
        signature = inspect.Signature([*map(_option, rows), *own])
        command.__signature__ = signature  # type: ignore[attr-defined]  # how a function describes itself to `inspect`
        command.__annotations__ = {each.name: each.annotation for each in signature.parameters.values()}
        return command

    return decorate


def _option(setting: Setting) -> inspect.Parameter:
    default = f" Default: {setting.default}." if setting.default else ""
    unit = setting.name.rpartition("_")[2].upper()
    # A sentence is text: what stands in brackets is no markup.
    told = escape(f"{setting.sentence}{default} ({setting.variable})")
    option = typer.Option(None, setting.option, help=told, metavar=unit)
    return inspect.Parameter(setting.name, inspect.Parameter.KEYWORD_ONLY, default=option, annotation=str | None)
