"""Ports: held alone, shared, taken, forbidden."""

import contextlib
import socket
from pathlib import Path

import pytest

from gateway.app.listening import bind, bind_shared, meeting_place, port_of
from gateway.app.settings import CannotStart


def test_port_zero_takes_a_free_one() -> None:
    with bind("127.0.0.1", 0) as held:
        assert 0 < port_of(held) < 65_536


@pytest.mark.skipif(not hasattr(socket, "TCP_NOTSENT_LOWAT"), reason="the system does not know the option")
def test_what_waits_in_the_kernel_for_a_client_that_does_not_read_is_bounded() -> None:
    with bind("127.0.0.1", 0) as ours, socket.create_server(("127.0.0.1", 0)) as plain:
        ours.listen()
        assert _unread_bytes(ours) < _unread_bytes(plain) / 2


def _unread_bytes(listening: socket.socket) -> int:
    """Return how much a connection takes that nobody reads."""
    with socket.create_connection(("127.0.0.1", port_of(listening))), listening.accept()[0] as accepted:
        accepted.setblocking(False)
        taken_bytes = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                taken_bytes += accepted.send(bytes(1024))
    return taken_bytes


def test_workers_meet_where_nobody_else_comes_and_leave_nothing_behind() -> None:
    with meeting_place() as place:
        assert place is not None
        assert place.stat().st_mode & 0o777 == 0o700
        (place / "1.sock").touch()
    assert not place.exists()


def test_where_no_folder_can_be_had_workers_do_without(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with meeting_place(tmp_path / "nowhere") as place:
        assert place is None
    assert "workers cannot ask each other" in caplog.text


def test_a_shared_port_is_held_by_many() -> None:
    with bind("127.0.0.1", 0, shared=True) as held, bind_shared("127.0.0.1", port_of(held)) as first:
        first.listen()
        with bind_shared("127.0.0.1", port_of(held)) as second:
            second.listen()
            assert port_of(first) == port_of(second)


@pytest.mark.parametrize("shared", [False, True])
def test_a_port_in_use_is_refused_even_by_one_who_would_share(shared: bool) -> None:
    with bind("127.0.0.1", 0, shared=True) as taken:
        taken.listen()
        with pytest.raises(CannotStart, match=r"is in use. Stop what listens there"):
            bind("127.0.0.1", port_of(taken), shared=shared)


def test_a_foreign_address_is_refused() -> None:
    with pytest.raises(CannotStart, match=r"no address 192\.0\.2\.1"):
        bind("192.0.2.1", 0)


def test_a_name_that_nobody_knows_is_refused() -> None:
    with pytest.raises(CannotStart, match="not known here"):
        bind("no-such-host.invalid", 0)


def test_a_name_with_both_kinds_of_address_means_the_older() -> None:
    with bind("localhost", 0) as held:
        assert held.family == socket.AF_INET


def test_an_ipv6_address_works() -> None:
    if not _has_ipv6_loopback():
        pytest.skip("this machine has no IPv6 loopback address")
    with bind("::1", 0) as held:
        assert held.family == socket.AF_INET6


def _has_ipv6_loopback() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def test_the_option_that_chose_the_port_is_named() -> None:
    with bind("127.0.0.1", 0) as taken:
        taken.listen()
        with pytest.raises(CannotStart, match="choose another with --admin"):
            bind("127.0.0.1", port_of(taken), option="--admin")
