"""--reflect: the schema of a running server, of v1 and of v1alpha, at the start and on HUP."""
import pathlib
import signal
import subprocess
import time

import pytest

import h1
from harness import DEMO_BACKEND, POSTERN, Process, eventually, free_port
from reflector import Reflector

ECHO = "demo.v1.Echo"


@pytest.fixture(scope="module")
def demo_backend(tmp_path_factory):
    """build/demo-backend: gRPC core's server with v1 and v1alpha."""
    folder, port = pathlib.Path(tmp_path_factory.mktemp("demo")), free_port()
    p = Process([DEMO_BACKEND, "--listen", f"127.0.0.1:{port}"], folder)
    p.await_port(port)
    p.target = f"127.0.0.1:{port}"
    yield p
    p.stop()


@pytest.fixture
def reflector(tmp_path, sets):
    """v1alpha alone, file by file; serves Echo."""
    r = Reflector(tmp_path, sets["echo"], [ECHO],
                  {f"/{ECHO}/Echo": lambda request, context: request})
    yield r
    r.stop()


def run(*args):
    """`postern ARGS`, which is to end by itself."""
    return subprocess.run([POSTERN, *map(str, args)], capture_output=True, text=True, timeout=30)


def refusal(target):
    """The one line of a start with --reflect that fails."""
    result = run("--reflect", "--upstream", target, "--listen", f"127.0.0.1:{free_port()}")
    lines = result.stderr.strip().splitlines()
    assert result.returncode == 2 and len(lines) == 1, result
    assert target in lines[0] and "reflection" in lines[0], lines
    return lines[0]


def echoes(g):
    return h1.call(g.port, "POST", "/v1/echo", json={"text": "hi"})


def well(g):
    answer = echoes(g)
    return answer.status == 200 and answer.json == {"text": "hi"}


# ---- what a server tells is served ----

def test_the_demo_backend_needs_no_descriptors(start, demo_backend):
    g = start(demo_backend.target, set=None, args=["--reflect"])
    assert well(g)
    answer = h1.call(g.port, "POST", "/v1/models/tiny:generate", json={"prompt": "x"})
    assert answer.status == 200, answer
    assert h1.call(g.port, "GET", "/v2/health/live").json == {"live": True}


def test_reflection_itself_is_not_offered(start, demo_backend):
    g = start(demo_backend.target, set=None, args=["--reflect"])
    for version in "v1", "v1alpha":
        path = f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo"
        assert h1.call(g.port, "POST", path, json=[]).status == 404


def test_the_routes_are_those_of_the_descriptors(demo_backend, sets):
    def routes(*args):
        result = run("--check", "--upstream", demo_backend.target, *args)
        assert result.returncode == 0, result
        return {line for line in result.stdout.splitlines() if "demo.v1." in line}
    assert routes("--reflect") == routes("--descriptors", sets["demo"]) != set()


def test_a_server_of_v1alpha_alone_is_asked_file_by_file(start, reflector):
    g = start(reflector.target, set=None, args=["--reflect"])
    assert well(g)
    assert reflector.asked[:2] == ["list_services", "file_containing_symbol"]
    assert reflector.asked.count("file_by_filename") == len(reflector.files) - 1


def test_files_that_carry_only_options_may_be_unknown_to_the_server(start, reflector):
    del reflector.files["google/api/annotations.proto"]
    assert well(start(reflector.target, set=None, args=["--reflect"]))


def test_the_file_of_the_configuration_may_ask_for_it(start, reflector):
    g = start(None, {"reflect": True, "upstream": "llm", "clusters": [
        {"name": "llm", "endpoints": [reflector.target]}]}, set=None)
    assert well(g)


def test_the_other_transport_reflects_too(start, reflector):
    g = start(None, {"reflect": True, "upstream": "llm", "clusters": [
        {"name": "llm", "endpoints": [reflector.target], "transport": "GRPC_CORE"}]}, set=None)
    assert well(g)


# ---- what cannot be ----

def test_a_server_that_is_not_there_is_a_bad_start():
    begun = time.monotonic()
    refusal(f"127.0.0.1:{free_port()}")
    assert time.monotonic() - begun < 8


def test_a_server_without_reflection_is_told_so(backend):
    assert "--descriptors" in refusal(backend.target)


def test_a_service_that_the_server_does_not_describe_is_named(reflector):
    reflector.services.append("demo.v1.Ghost")
    line = refusal(reflector.target)
    assert "demo.v1.Ghost" in line and "not known here" in line


def test_a_type_that_the_server_does_not_describe_is_named(reflector):
    del reflector.files["google/protobuf/duration.proto"]
    result = run("--check", "--reflect", "--upstream", reflector.target)
    assert result.returncode == 1 and "google/protobuf/duration.proto" in result.stderr, result


def test_reflection_needs_an_upstream():
    result = run("--reflect", "--listen", f"127.0.0.1:{free_port()}")
    assert result.returncode == 2 and "--upstream" in result.stderr, result


# ---- HUP ----

def test_hup_asks_again(start, reflector, sets):
    g = start(reflector.target, set=None, args=["--reflect"])
    assert h1.call(g.port, "GET", "/v1/models/m").status == 404
    reflector.read(sets["demo"])
    reflector.services.append("demo.v1.TextGeneration")
    g.signal(signal.SIGHUP)
    # Known now; that the server has no such method is another matter.
    assert eventually(lambda: h1.call(g.port, "GET", "/v1/models/m").status == 501)
    assert well(g)


def test_hup_without_an_answer_keeps_what_was_known(start, reflector):
    g = start(reflector.target, set=None, args=["--reflect"])
    reflector.services[:] = []
    g.signal(signal.SIGHUP)
    assert eventually(lambda: "reload refused" in g.stderr()), g.stderr()
    assert well(g)


def test_hup_with_the_server_gone_keeps_what_was_known(start, reflector):
    g = start(reflector.target, set=None, args=["--reflect"])
    assert well(g)
    reflector.stop()
    g.signal(signal.SIGHUP)
    assert eventually(lambda: "reload refused" in g.stderr(), 8), g.stderr()
    assert echoes(g).status == 503


def test_calls_go_on_while_the_answer_takes_its_time(start, reflector):
    g = start(reflector.target, set=None, args=["--reflect"])
    honest, slow = reflector.answer, 0.5
    reflector.answer = lambda r: time.sleep(slow) or honest(r)
    g.signal(signal.SIGHUP)
    assert eventually(lambda: reflector.asked.count("list_services") == 2)
    begun = time.monotonic()
    assert all(well(g) for _ in range(20)) and time.monotonic() - begun < slow
