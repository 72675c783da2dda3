"""Settings: where they come from, in which order, and what is said of bad ones."""

import pickle
from collections.abc import Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import get_type_hints

import pytest

from gateway.app.setting_values import Address
from gateway.app.settings import TABLE, CannotStart, Setting, Settings, environment, read_settings
from gateway.domain.tier import Secret


def settings(variables: Mapping[str, str] | None = None, **overrides: object) -> Settings:
    """Read settings from these variables only."""
    return read_settings(variables or {}, overrides)


def problems(variables: Mapping[str, str], **overrides: object) -> list[str]:
    """Return what is said of bad settings, a line each."""
    with pytest.raises(CannotStart) as refused:
        settings(variables, **overrides)
    return str(refused.value).splitlines()


def test_the_table_has_a_row_for_each_field_in_its_order_but_for_what_nobody_sets() -> None:
    assert [setting.name for setting in TABLE] == [field.name for field in fields(Settings) if field.default is MISSING]


@pytest.mark.parametrize("setting", TABLE, ids=[setting.name for setting in TABLE])
def test_every_default_is_of_its_fields_type_and_explained(setting: Setting) -> None:
    assert isinstance(setting.parse(setting.default), get_type_hints(Settings)[setting.name])
    assert setting.sentence.endswith(".")


def test_nothing_needs_to_be_set() -> None:
    read = settings()
    assert (read.host, read.port, read.workers) == ("127.0.0.1", 8080, 1)
    assert (read.lame_duck_s, read.drain_s) == (10.0, 120.0)
    assert (read.redis_url, read.cache_secret, read.artefacts) == (None, None, None)
    assert read.policy == Path("policies/default.yaml")


def test_the_environment_overrides_defaults_and_the_command_line_overrides_both() -> None:
    variables = {"TIERGATE_PORT": "9000", "TIERGATE_HOST": "0.0.0.0"}
    read = settings(variables, port=9001, host=None)
    assert (read.port, read.host) == (9001, "0.0.0.0")


def test_an_empty_variable_is_not_set() -> None:
    assert settings({"TIERGATE_PORT": "", "TIERGATE_REDIS_URL": ""}).port == 8080


def test_everything_can_be_set() -> None:
    read = settings(
        {
            "TIERGATE_POLICY": "/etc/policy.yaml",
            "TIERGATE_WORKERS": "4",
            "TIERGATE_REDIS_URL": "rediss://cache:6380/1",
            "TIERGATE_CACHE_SECRET": "0123456789abcdef",
            "TIERGATE_ARTEFACTS": "/models",
            "TIERGATE_LOG_LEVEL": "debug",
            "TIERGATE_LAME_DUCK_S": "0",
            "TIERGATE_DRAIN_S": "2.5",
        }
    )
    assert (read.policy, read.workers, read.artefacts) == (Path("/etc/policy.yaml"), 4, Path("/models"))
    assert (read.redis_url, read.cache_secret) == (Secret("rediss://cache:6380/1"), Secret("0123456789abcdef"))
    assert (read.log_level, read.lame_duck_s, read.drain_s) == ("debug", 0.0, 2.5)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TIERGATE_PORT", "http"),
        ("TIERGATE_PORT", "65536"),
        ("TIERGATE_PORT", "-1"),
        ("TIERGATE_PORT", "9" * 5_000),
        ("TIERGATE_PORT", "٣"),
        ("TIERGATE_WORKERS", "0"),
        ("TIERGATE_WORKERS", "257"),
        ("TIERGATE_HOST", "a b"),
        ("TIERGATE_HOST", "http://a"),
        ("TIERGATE_REDIS_URL", "localhost:6379"),
        ("TIERGATE_CACHE_SECRET", "short"),
        ("TIERGATE_LOG_LEVEL", "loud"),
        ("TIERGATE_DRAIN_S", "soon"),
        ("TIERGATE_DRAIN_S", "-1"),
        ("TIERGATE_DRAIN_S", "nan"),
        ("TIERGATE_ADMIN", "console"),
        ("TIERGATE_ADMIN", "127.0.0.1:"),
        ("TIERGATE_ADMIN", ":8081"),
        ("TIERGATE_ADMIN", "http://127.0.0.1:8081"),
    ],
)
def test_a_bad_value_names_its_variable_and_what_it_must_be(variable: str, value: str) -> None:
    (problem,) = problems({variable: value})
    assert problem.startswith(f"{variable} must ")


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("", None),
        ("8081", Address("127.0.0.1", 8081)),
        ("0.0.0.0:8081", Address("0.0.0.0", 8081)),
        ("[::1]:0", Address("::1", 0)),
    ],
)
def test_the_admin_listener_is_a_port_of_this_machine_or_an_address(value: str, address: Address | None) -> None:
    assert settings({"TIERGATE_ADMIN": value}).admin == address


def test_a_bad_option_names_the_option() -> None:
    assert problems({}, log_level="loud", workers=0) == [
        "--workers must be a whole number from 1 to 256",
        "--log-level must be one of debug, info, warning, error",
    ]


def test_secrets_are_not_shown_in_what_is_said_of_them() -> None:
    assert "hunter2" not in "".join(problems({"TIERGATE_CACHE_SECRET": "hunter2", "TIERGATE_REDIS_URL": "hunter2"}))
    assert "hunter2" not in repr(settings({"TIERGATE_REDIS_URL": "redis://:hunter2@host"}))


def test_a_misspelt_variable_is_refused_with_the_near_name() -> None:
    (problem,) = problems({"TIERGATE_REDIS_ULR": "redis://a"})
    assert problem == "TIERGATE_REDIS_ULR is not a setting; did you mean TIERGATE_REDIS_URL?"


def test_other_variables_may_share_the_prefix() -> None:
    assert settings({"TIERGATE_SEARCH_TEAM_KEY": "sk-1", "PORT": "1"}).port == 8080


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("localhost.example", False),
    ],
)
def test_loopback_is_this_machine_only(host: str, is_loopback: bool) -> None:
    assert settings(host=host).is_loopback is is_loopback
    # Requests are answered by the admin listener, too.
    assert settings(admin=f"[{host}]:8081" if ":" in host else f"{host}:8081").is_loopback is is_loopback


def test_a_cache_secret_is_made_up_once_and_a_given_one_is_kept() -> None:
    made = settings().with_cache_secret()
    assert made.cache_secret is not None
    assert made.with_cache_secret() is made
    assert settings().with_cache_secret().cache_secret != made.cache_secret


def test_settings_survive_the_way_to_a_worker() -> None:
    read = settings({"TIERGATE_REDIS_URL": "redis://a"}).with_cache_secret()
    assert pickle.loads(pickle.dumps(read)) == read  # noqa: S301


def test_the_environment_is_the_processs_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIERGATE_PORT", "4711")
    assert environment()["TIERGATE_PORT"] == "4711"
