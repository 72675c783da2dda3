"""`tiergate demo`: real model servers, the gateway and the official client on this machine; nothing leaves it."""

import asyncio
import shutil
import signal
import tempfile
from pathlib import Path
from typing import Annotated, Final

import typer

from gateway.adapters.clock import SystemClock
from gateway.app.cli_output import stop
from gateway.app.demo_audience import JsonPrinter, Presenter, TablePrinter
from gateway.app.demo_models import DemoUnavailable
from gateway.app.demo_play import Play
from gateway.app.demo_policy import tiers_on_show
from gateway.app.demo_questions import script
from gateway.app.demo_stage import stage
from gateway.app.settings import EXIT_CANNOT_START

EXIT_INTERRUPTED: Final = 130
"""What a shell reports for a command ended by Ctrl-C."""
_ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave everything running until Ctrl-C.")] = False,
    port: Annotated[
        int | None, typer.Option(help="The gateway's port; a free one when not given.", min=1, max=65_535)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print rows and summary as one JSON document.")] = False,
) -> None:
    """Show the gateway at work here: no account, key, GPU, Redis or network.

    Starts real llama.cpp servers of different size and the gateway with the
    policy policies/demo.yaml, asks some twenty questions through the official
    OpenAI client, kills a server on the way, and adds up what it came to.

    The lower tiers have random weights and speak gibberish; the top one is
    SmolLM2-135M, if that is installed.

    Example: tiergate demo --keep --port 8080
    """
    folder = Path(tempfile.mkdtemp(prefix="tiergate-demo-"))
    presenter = JsonPrinter() if as_json else TablePrinter()
    try:
        asyncio.run(_perform(folder, port, presenter, keep=keep))
    except DemoUnavailable as problem:
        stop(EXIT_CANNOT_START, f"The demo cannot run: {problem}{_where_logs_are(folder)}")
    except asyncio.CancelledError as interruption:
        shutil.rmtree(folder, ignore_errors=True)
        raise typer.Exit(EXIT_INTERRUPTED) from interruption
    shutil.rmtree(folder, ignore_errors=True)


def _where_logs_are(folder: Path) -> str:
    if any(folder.glob("*.log")):
        return f"\nLogs are in {folder}"
    shutil.rmtree(folder, ignore_errors=True)
    return ""


async def _perform(folder: Path, port: int | None, presenter: Presenter, *, keep: bool) -> None:
    task, loop, clock = asyncio.current_task(), asyncio.get_running_loop(), SystemClock()
    assert task is not None
    for number in _ENDING:
        # Cancelled, this task stops every child on its way out.
        loop.add_signal_handler(number, task.cancel)
    began_s = clock.now_s()
    with presenter:
        async with stage(folder, port, presenter.progress) as running:
            tiers = tiers_on_show(running.policy.read_text(encoding="utf-8"))
            presenter.started(running, tiers, clock.now_s() - began_s)
            play = Play(running, presenter, [tier.name for tier in tiers])
            await play.run(script(tiers[-1].name))
            presenter.finished(play, clock.now_s() - began_s, keep=keep)
            if keep:
                await _until_cancelled(task)
                presenter.progress("stopping")


async def _until_cancelled(task: "asyncio.Task[None]") -> None:
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        # With --keep this is how one ends it, and no failure.
        task.uncancel()
