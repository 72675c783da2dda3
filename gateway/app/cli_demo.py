"""`tiergate demo`: the demo as a part of the command line."""

import typer

from gateway.app.demo import demo

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
app.command()(demo)
