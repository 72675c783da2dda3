import typer
from typer.testing import CliRunner

from gateway.app.cli_settings import taking_settings
from gateway.app.settings import TABLE

seen: list[dict[str, object]] = []
every, some = typer.Typer(), typer.Typer()


@every.command()
@taking_settings()
def take_all(**given: str | None) -> None:
    seen.append(dict(given))


@some.command()
@taking_settings("port")
def take_port(*, loud: bool = False, **given: str | None) -> None:
    seen.append({"loud": loud, **given})


def test_every_setting_is_an_option_and_none_is_given_a_default() -> None:
    CliRunner().invoke(every, [], catch_exceptions=False)
    assert seen[-1] == dict.fromkeys(setting.name for setting in TABLE)
    arguments = [word for setting in TABLE for word in (setting.option, setting.name)]
    CliRunner().invoke(every, arguments, catch_exceptions=False)
    assert seen[-1] == {setting.name: setting.name for setting in TABLE}


def test_the_help_of_an_option_is_the_sentence_of_its_setting() -> None:
    told = " ".join(CliRunner().invoke(every, ["--help"]).output.replace("│", " ").split())
    for setting in TABLE:
        assert setting.option in told
        assert setting.sentence in told
        assert setting.variable in told


def test_a_command_may_take_some_settings_beside_options_of_its_own() -> None:
    CliRunner().invoke(some, ["--port", "1", "--loud"], catch_exceptions=False)
    assert seen[-1] == {"loud": True, "port": "1"}
    assert CliRunner().invoke(some, ["--host", "x"]).exit_code == 2
