"""kserve's model server and NVIDIA Triton as processes, serving an ONNX file as our model."""

import os
import shutil
import subprocess
import sysconfig
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from router_models.triton import NAME, Layout, write_repository
from tests.architecture.sources import ROOT
from tests.conformance.oip import kserve_python, triton_python
from tests.support.networks import free_port

START_LIMIT_S = 180.0
"""Both start in 3 s on an idle machine; kserve imports a great deal, which takes a minute on one that is busy."""
_LOOK_AGAIN_S = 0.1
SERVERS = Path("tests/conformance/servers")


@dataclass(frozen=True, slots=True)
class RealServer:
    """Where a server listens on loopback."""

    http_port: int
    grpc_port: int


def write_tiny_encoder(file: Path) -> None:
    """Write the tiny encoder; needs kserve's environment, where `onnx` is."""
    command = [str(kserve_python()), "-m", "tests.conformance.servers.write_encoder", str(file)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=START_LIMIT_S)


@contextmanager
def running_kserve(model: Path, folder: Path, latent_width: int) -> Iterator[RealServer]:
    """Serve the model with kserve, which reads the width from the file; stop it at the end."""
    ports = RealServer(free_port(), free_port())
    command = [str(kserve_python()), "-m", "tests.conformance.servers.serve_kserve", "--onnx", str(model)]
    command += ["--model_name", NAME, "--http_port", str(ports.http_port), "--grpc_port", str(ports.grpc_port)]
    with _running(command, ports, folder / "kserve.log", {}):
        yield ports


@contextmanager
def running_triton(model: Path, folder: Path, latent_width: int) -> Iterator[RealServer]:
    """Serve the model with Triton: our configuration for a CPU, but that the Python backend runs the ONNX file."""
    ports = RealServer(free_port(), free_port())
    packages = triton_python().parent.parent / Path(sysconfig.get_path("purelib")).relative_to(_prefix())
    home = packages / "pytriton" / "tritonserver"
    shutil.copytree(home / "backends", folder / "backends")
    stub = home / "python_backend_stubs" / sysconfig.get_python_version() / "triton_python_backend_stub"
    shutil.copy(stub, folder / "backends" / "python")
    served = write_repository(model, folder / "models", Layout(latent_width, device="cpu"))
    shutil.copy(ROOT / SERVERS / "triton_model.py", served / "1" / "model.py")
    config = served / "config.pbtxt"
    config.write_text(config.read_text().replace('backend: "onnxruntime"', 'backend: "python"'))
    command = [str(home / "bin" / "tritonserver"), f"--model-repository={served.parent}"]
    command += [f"--backend-directory={folder / 'backends'}", "--allow-metrics=false", "--http-address=127.0.0.1"]
    command += ["--grpc-address=127.0.0.1", f"--http-port={ports.http_port}", f"--grpc-port={ports.grpc_port}"]
    libraries = (home / "lib", home / "external_libs", packages / "nvidia_pytriton.libs")
    surroundings = {
        "LD_LIBRARY_PATH": ":".join(map(str, libraries)),
        "PYTHONPATH": str(packages),
        "PATH": f"{triton_python().parent}:{os.environ['PATH']}",
    }
    with _running(command, ports, folder / "triton.log", surroundings):
        yield ports


def _prefix() -> Path:
    return Path(sysconfig.get_path("data"))


@contextmanager
def _running(command: Sequence[str], ports: RealServer, log: Path, surroundings: Mapping[str, str]) -> Iterator[None]:
    with log.open("wb") as said:
        process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **surroundings}, stdout=said, stderr=subprocess.STDOUT
        )
        try:
            _wait_until_ready(process, ports, log)
            yield
        finally:
            process.terminate()
            process.wait(START_LIMIT_S)


def _wait_until_ready(process: "subprocess.Popen[bytes]", ports: RealServer, log: Path) -> None:
    give_up_s = time.monotonic() + START_LIMIT_S
    url = f"http://127.0.0.1:{ports.http_port}/v2/models/{NAME}/ready"
    while True:
        try:
            if httpx.get(url, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            pass
        if process.poll() is not None or time.monotonic() > give_up_s:
            raise AssertionError(f"the server did not start:\n{log.read_text(errors='replace')[-3000:]}")
        time.sleep(_LOOK_AGAIN_S)
