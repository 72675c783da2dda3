"""A gateway that tells nobody anything: what telemetry costs is counted from it."""

import sys
from dataclasses import replace

from gateway.adapters.recorders import Recorders
from gateway.app.serve import Service, serve
from gateway.app.settings import Settings, environment, read_settings
from gateway.app.wiring import make_service as make_whole

FACTORY = "load_tests.silent_gateway:make_service"


def make_service(settings: Settings, worker: int = 0) -> Service:
    """Build a worker without log, metrics and traces."""
    return make_whole(replace(settings, otlp_endpoint=None), worker, gather=lambda *_: Recorders())


if __name__ == "__main__":
    sys.exit(serve(read_settings(environment(), {}), FACTORY))
