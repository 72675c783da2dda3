"""The transports over TLS: what they trust, and what they do not."""

import shutil
import ssl
import subprocess
from pathlib import Path

import httpx
import pytest

from gateway.adapters.upstream_lean import LeanTransport
from gateway.ports import ready_request
from tests.support.fault_server import FaultServer
from tests.support.networks import SOCKET_TRANSPORTS, chunks_of, make_transport

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate, and is absent")
BODY = b'{"model":"ok","messages":[]}'


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*command, "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
    return key, cert


def server_side(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate[1], certificate[0])
    return context


async def test_a_trusted_server_answers_over_a_kept_connection(certificate: tuple[Path, Path]) -> None:
    transport = LeanTransport(tls=ssl.create_default_context(cafile=str(certificate[1])))
    async with FaultServer(tls=server_side(certificate)) as server:
        url = httpx.URL(server.base_url + "/chat/completions")
        for _ in range(3):
            response = await transport.handle_async_request(ready_request(url, [], BODY))
            assert b"Paris" in b"".join(await chunks_of(response))
        assert transport.stats().opened == 1
        await transport.aclose()


@pytest.mark.parametrize("kind", SOCKET_TRANSPORTS)
async def test_a_server_with_an_unknown_certificate_is_told_nothing(kind: str, certificate: tuple[Path, Path]) -> None:
    transport = make_transport(kind)
    async with FaultServer(tls=server_side(certificate)) as server:
        request = ready_request(httpx.URL(server.base_url + "/chat/completions"), [], BODY)
        with pytest.raises(httpx.ConnectError, match="certificate"):
            await transport.handle_async_request(request)
        assert not server.requests
        await transport.aclose()
