import socket

import pytest

from flinktf.ports import PortError, free_port, require_free


def test_a_free_port_can_be_bound_and_is_not_ephemeral() -> None:
    port = free_port()
    assert port < 32_768
    taken = rf"--ui-port: port {port} is taken by another process"
    with socket.create_server(("127.0.0.1", port)), pytest.raises(PortError, match=taken):
        require_free(port, "--ui-port")
    assert require_free(port, "--ui-port") == port


def test_ports_that_are_spoken_for_are_not_given_again() -> None:
    assert free_port(frozenset(range(12_000, 31_999))) == 31_999
