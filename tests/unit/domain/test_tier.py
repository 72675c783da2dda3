"""Credentials that never print."""

from gateway.domain.tier import Secret


def test_a_secret_is_read_in_one_way_only() -> None:
    secret = Secret("sk-1")
    assert secret.reveal() == "sk-1"
    assert "sk-1" not in f"{secret} {secret!r} {[secret]}"


def test_secrets_are_alike_when_their_credentials_are() -> None:
    assert Secret("sk-1") == Secret("sk-1") != Secret("sk-2")
    assert Secret("sk-1") != "sk-1"
    assert len({Secret("sk-1"), Secret("sk-1")}) == 1
