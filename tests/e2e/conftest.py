import pathlib

import pytest

import demo
import h1
from backend import Backend
from harness import DEMO_BACKEND, POSTERN, Gateway, Process, Schema, free_port, protoc

SETS = {
    "demo": ["demo/v1/echo.proto", "demo/v1/text_generation.proto", "inference/grpc_service.proto",
             "google/rpc/error_details.proto", "google/rpc/status.proto"],
    "echo": ["demo/v1/echo.proto"],
    "reflection": ["grpc/reflection/v1/reflection.proto",
                   "grpc/reflection/v1alpha/reflection.proto", "demo/v1/echo.proto"],
    "bodies": ["bodies.proto"],
    "kitchen": ["kitchen_sink.proto"],
    "kitchen2": ["kitchen_sink2.proto"],
    "switches": ["switches.proto"],
}


def pytest_sessionstart(session):
    if not POSTERN.exists():
        pytest.exit(f"{POSTERN} is not built: run make (or say where: POSTERN_BUILD=dir)", 2)


def pytest_sessionfinish(session):
    for p in Process.started:
        if p.alive():
            p.kill()


@pytest.fixture(scope="session")
def sets(tmp_path_factory):
    """Descriptor sets by name."""
    folder = tmp_path_factory.mktemp("sets")
    return {name: protoc(folder / f"{name}.pb", *files) for name, files in SETS.items()}


@pytest.fixture(scope="session")
def schemas(sets):
    return {name: Schema(path) for name, path in sets.items()}


@pytest.fixture(scope="module")
def demo_server(schemas):
    b = Backend(schemas["demo"], demo.SERVICES)
    yield b
    b.stop()


@pytest.fixture
def backend(demo_server):
    """The demo services on a Python server; what a test changes ends with it."""
    demo_server.reset()
    yield demo_server
    demo_server.reset()


@pytest.fixture(scope="module")
def gateway(sets, demo_server, tmp_path_factory):
    """A gateway before `backend`, one for all tests of a file."""
    g = Gateway(tmp_path_factory.mktemp("gateway"), sets["demo"], demo_server.target)
    yield g
    g.stop()


@pytest.fixture
def call(gateway, backend):
    """call(method, target, json=..., body=..., headers=...): one request to `gateway`."""
    return lambda method, target, **parts: h1.call(gateway.port, method, target, **parts)


@pytest.fixture(scope="module")
def kitchen_server(schemas):
    b = Backend(schemas["kitchen"])
    yield b
    b.stop()


@pytest.fixture
def kitchen(kitchen_server):
    kitchen_server.reset()
    yield kitchen_server
    kitchen_server.reset()


@pytest.fixture(scope="module")
def kitchen_gateway(sets, kitchen_server, tmp_path_factory):
    g = Gateway(tmp_path_factory.mktemp("kitchen"), sets["kitchen"], kitchen_server.target)
    yield g
    g.stop()


@pytest.fixture
def start(tmp_path, sets):
    """start(upstream, config=..., set="demo"): a gateway for one test."""
    made = []

    def make(upstream=None, config=None, args=(), set="demo", **more):
        more.setdefault("descriptors", sets[set] if set else None)
        made.append(Gateway(tmp_path / f"gateway{len(made)}", upstream=upstream, config=config,
                            args=args, **more))
        return made[-1]
    yield make
    ended, faults = [], []
    for g in made:
        try:
            g.stop()
            ended.append(g)
        except AssertionError as e:
            faults.append(str(e))
    assert not faults, "\n".join(faults)


@pytest.fixture
def serve(schemas):
    """serve(does=..., set="demo", port=0, address=None): another Python server."""
    made = []

    def make(does=None, set="demo", **more):
        made.append(Backend(schemas[set], demo.SERVICES if does is None else does, **more))
        return made[-1]
    yield make
    for b in made:
        b.stop()


@pytest.fixture(scope="module", params=["python", "demo-backend"])
def either(request, sets, tmp_path_factory):
    """A gateway before the demo services: on the Python server, then on build/demo-backend."""
    folder = pathlib.Path(tmp_path_factory.mktemp("either"))
    if request.param == "python":
        server = request.getfixturevalue("demo_server")
        target = server.target
    else:
        port = free_port()
        server = Process([DEMO_BACKEND, "--listen", f"127.0.0.1:{port}"], folder)
        server.await_port(port)
        target = f"127.0.0.1:{port}"
    g = Gateway(folder / "gateway", sets["demo"], target)
    g.server = request.param
    yield g
    g.stop()
    if request.param != "python":
        server.stop()
