"""What is compared: how each gateway is started in front of the model server, and with what settings."""

import importlib.metadata
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from string import Template

DIRECT = "direct"
BEFORE = "before"
TIERGATE = "tiergate"
SILENT = "silent"
TELLING = "telling"
UNCACHED = "uncached"
BARE = "bare"
VERSION_LIMIT_S = 60.0

POLICY = Template("""\
version: 1
tiers:
  small:
    model: simulated-small
    price: {input: 0.05, cached_input: 0.01, output: 0.20}
    context: 128k
    supports: [tools, json_schema]
    ability: {like: $small}
    limits: {in_flight: $places}
    endpoints: [{url: "http://127.0.0.1:$model_port/v1"}]
  large:
    model: simulated-large
    price: {input: 2.50, cached_input: 1.25, output: 10.00}
    context: 128k
    supports: [tools, json_schema, vision]
    ability: {like: $large}
    limits: {in_flight: $places}
    endpoints: [{url: "http://127.0.0.1:$model_port/v1"}]
models:
  auto: {route: balanced}
  mock: {route: balanced}
routes:
  balanced:
    quality: 0.95
    cache: {exact: $kept, max_temperature: 2}
limits: {in_flight: 4096, in_flight_per_key: 4096}
""")
"""`mock` is what the standard bodies name. Every temperature is cached, so that a miss is a miss and not a bypass."""

NGINX = Template("""\
worker_processes 1;
daemon off;
pid $folder/nginx.pid;
events { worker_connections 4096; }
http {
  access_log off;
  keepalive_requests 1000000;
  client_body_buffer_size 256k;
  client_body_temp_path $folder/bodies;
  proxy_temp_path $folder/proxied;
  fastcgi_temp_path $folder/fastcgi;
  uwsgi_temp_path $folder/uwsgi;
  scgi_temp_path $folder/scgi;
  upstream models {
    server 127.0.0.1:$model_port;
    keepalive 256;
    keepalive_requests 1000000;
  }
  server {
    listen 127.0.0.1:$port;
    location / {
      proxy_pass http://models;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }
  }
}
""")
"""A plain proxy: one worker, connections kept to the model server, no buffering of answers, no log."""


class NotHere(RuntimeError):
    """A gateway that cannot be compared on this machine; says why."""


@dataclass(frozen=True, slots=True)
class Setting:
    """Where a target is started: its port, the model server's, a folder of its own, and where to find the peers."""

    port: int
    model_port: int
    folder: Path
    sglang_router: str
    before: Path | None
    """A folder with this project as it was, to be compared with; None where there is none."""
    references: tuple[str, str]
    """The reference models that the two tiers are said to be like."""
    places: int = 1024
    """Requests that a tier may hold at once."""
    collector: str | None = None
    """Where spans and metrics are sent; None where there is nobody to take them."""


@dataclass(frozen=True, slots=True)
class Target:
    """One gateway. `command` None means that the load goes to the model server itself."""

    name: str
    version: str
    command: tuple[str, ...] | None


def tiergate(setting: Setting) -> Target:
    """This gateway, with everything on: two tiers, the difficulty model, the exact cache in memory, receipts."""
    return Target(TIERGATE, importlib.metadata.version("tiergate"), (sys.executable, *_serve(setting)))


def telling(setting: Setting) -> Target:
    """This gateway as above, with its spans and metrics sent to a collector, of the traces the usual share."""
    if setting.collector is None:
        raise NotHere("there is no collector: `python -m load_tests parts` has one")
    command = ("env", f"OTEL_EXPORTER_OTLP_ENDPOINT={setting.collector}", sys.executable, *_serve(setting))
    return Target(TELLING, importlib.metadata.version("tiergate"), command)


def uncached(setting: Setting) -> Target:
    """This gateway with everything on but the cache."""
    command = (sys.executable, *_serve(setting, kept="off"))
    return Target(UNCACHED, importlib.metadata.version("tiergate"), command)


def silent(setting: Setting) -> Target:
    """This gateway without request log, metrics and traces."""
    return _lessened(SILENT, "load_tests.silent_gateway", setting)


def bare(setting: Setting) -> Target:
    """The server of this gateway, without any gateway: it reads each request and gives the one answer it has."""
    return _lessened(BARE, "load_tests.bare_gateway", setting)


def _lessened(name: str, module: str, setting: Setting) -> Target:
    chosen = (f"TIERGATE_POLICY={_policy(setting)}", "TIERGATE_HOST=127.0.0.1", f"TIERGATE_PORT={setting.port}")
    return Target(name, importlib.metadata.version("tiergate"), ("env", *chosen, sys.executable, "-m", module))


def before(setting: Setting) -> Target:
    """This gateway as it was, from another folder: on a machine whose speed changes, only a ratio says what changed."""
    if setting.before is None:
        raise NotHere("give the folder of the version to compare with: --before FOLDER")
    if not (setting.before / "gateway").is_dir():
        raise NotHere(f"{setting.before} holds no gateway; give the root of a checkout")
    described = _version(("git", "-C", str(setting.before), "describe", "--always", "--dirty"))
    command = ("env", f"PYTHONPATH={setting.before}", sys.executable, "-P", *_serve(setting))
    return Target(BEFORE, described, command)


def _serve(setting: Setting, kept: str = "24h") -> tuple[str, ...]:
    serve = ("-m", "gateway.app.cli", "serve", "--policy", str(_policy(setting, kept)))
    return (*serve, "--host", "127.0.0.1", "--port", str(setting.port))


def _policy(setting: Setting, kept: str = "24h") -> Path:
    small, large = setting.references
    policy = setting.folder / "policy.yaml"
    policy.write_text(
        POLICY.substitute(small=small, large=large, model_port=setting.model_port, places=setting.places, kept=kept)
    )
    return policy


def nginx(setting: Setting) -> Target:
    """The yardstick: nginx as a plain proxy."""
    program = shutil.which("nginx", path="/usr/local/sbin:/usr/sbin:/sbin") or shutil.which("nginx")
    if program is None:
        raise NotHere("nginx is not installed")
    config = setting.folder / "nginx.conf"
    config.write_text(NGINX.substitute(folder=setting.folder, port=setting.port, model_port=setting.model_port))
    command = (program, "-p", str(setting.folder), "-e", str(setting.folder / "errors.log"), "-c", str(config))
    return Target("nginx", _version((program, "-v")).rpartition("/")[2], command)


def sglang_router(setting: Setting) -> Target:
    """SGLang's router with its defaults, from PyPI, where it is installed."""
    program = shutil.which(setting.sglang_router)
    if program is None:
        raise NotHere(f"{setting.sglang_router} is not installed; give its place with --sglang-router")
    worker = ("--worker-urls", f"http://127.0.0.1:{setting.model_port}")
    listen = ("--host", "127.0.0.1", "--port", str(setting.port))
    metrics = ("--prometheus-host", "127.0.0.1", "--prometheus-port", str(setting.port + 1))
    version = _version((program, "--version")).partition("\n")[0]
    return Target("sglang-router", version, (program, "launch", *worker, *listen, *metrics, "--log-level", "warn"))


def direct(setting: Setting) -> Target:
    """No gateway: what added times are counted from."""
    return Target(DIRECT, "", None)


TARGETS: dict[str, Callable[[Setting], Target]] = {
    DIRECT: direct,
    "nginx": nginx,
    TIERGATE: tiergate,
    BEFORE: before,
    SILENT: silent,
    TELLING: telling,
    UNCACHED: uncached,
    BARE: bare,
    "sglang-router": sglang_router,
}


def _version(command: tuple[str, ...]) -> str:
    said = subprocess.run(command, capture_output=True, text=True, timeout=VERSION_LIMIT_S, check=False)
    return (said.stdout + said.stderr).strip()
