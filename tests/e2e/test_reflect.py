"""--reflect: the schema comes from the upstream's server reflection."""
import signal
import subprocess

import pytest

import h1
from backend import Backend
from demo import ECHO, SERVICES
from harness import DEMO_BACKEND, POSTERN, Process, assert_error, eventually, free_port

V1, V1ALPHA = (f"/grpc.reflection.{v}.ServerReflection/ServerReflectionInfo"
               for v in ("v1", "v1alpha"))


def reflecting(services=("demo.v1.Echo",)):
    """One answer per question, each with the file alone: imports have to be asked for."""
    def serve(call):
        for question in call.requests:
            answer = call.output(original_request=question)
            kind, pool = question.WhichOneof("message_request"), call.backend.schema.pool
            try:
                if kind == "list_services":
                    for name in services:
                        answer.list_services_response.service.add(name=name)
                elif kind == "file_by_filename":
                    put(answer, pool.FindFileByName(question.file_by_filename))
                else:
                    put(answer, pool.FindFileContainingSymbol(question.file_containing_symbol))
            except KeyError as e:
                answer.error_response.error_code = 5
                answer.error_response.error_message = str(e)
            yield answer
    return serve


def put(answer, file):
    answer.file_descriptor_response.file_descriptor_proto.append(file.serialized_pb)


@pytest.fixture
def server(schemas):
    made = []

    def make(**does):
        made.append(Backend(schemas["reflection"], does))
        return made[-1]
    yield make
    for b in made:
        b.stop()


@pytest.mark.parametrize("version", [V1, V1ALPHA], ids=["v1", "v1alpha"])
def test_the_schema_of_the_upstream_is_served(start, server, version):
    other = V1 if version == V1ALPHA else V1ALPHA
    b = server(**{ECHO: SERVICES[ECHO], version: reflecting(),
                  other: lambda call: call.fail(12, "not here")})
    g = start(b.target, args=["--reflect"], set=None)
    assert h1.call(g.port, "POST", "/v1/echo", json={"text": "x"}).json == {"text": "x"}
    assert_error(h1.call(g.port, "POST", "/v1/nope", json={}), 404)


def test_the_demo_backend_tells_everything(start, tmp_path):
    port = free_port()
    p = Process([DEMO_BACKEND, "--listen", f"127.0.0.1:{port}"], tmp_path)
    p.await_port(port)
    g = start(f"127.0.0.1:{port}", args=["--reflect"], set=None)
    assert h1.call(g.port, "POST", "/v1/echo", json={"text": "x"}).json == {"text": "x"}
    assert h1.call(g.port, "GET", "/v2/health/live").json == {"live": True}
    g.stop()
    p.stop()


def refused(*args):
    result = subprocess.run([str(POSTERN), "--reflect", "--listen", f"127.0.0.1:{free_port()}",
                             *args], capture_output=True, text=True, timeout=30)
    assert result.returncode == 2 and len(result.stderr.strip().splitlines()) == 1, result
    return result.stderr


def test_an_upstream_without_reflection_is_a_bad_start_with_its_reason(server):
    b = server(**{v: lambda call: call.fail(12, "no reflection") for v in (V1, V1ALPHA)})
    assert "reflect" in refused("--upstream", b.target)


def test_an_upstream_that_is_not_there_is_a_bad_start_with_its_reason():
    target = f"127.0.0.1:{free_port()}"
    line = refused("--upstream", target)
    assert target in line and "reflect" in line


@pytest.mark.parametrize("what", ["bytes that are no file", "a file that is missing", "an end"])
def test_reflection_that_lies_is_a_bad_start(server, what):
    def lie(call):
        for question in call.requests:
            answer = call.output(original_request=question)
            if question.WhichOneof("message_request") == "list_services":
                answer.list_services_response.service.add(name="demo.v1.Echo")
            elif what == "an end":
                return
            elif what == "a file that is missing":
                answer.error_response.error_code = 5
            else:
                answer.file_descriptor_response.file_descriptor_proto.append(b"\xff\xff junk")
            yield answer
    b = server(**{V1: lie, V1ALPHA: lie})
    assert refused("--upstream", b.target)


def test_hup_asks_again(start, server):
    b = server(**{ECHO: SERVICES[ECHO], V1: reflecting()})
    g = start(b.target, args=["--reflect"], set=None)
    asked = len([c for c in b.calls if c.method == V1])
    g.signal(signal.SIGHUP)
    assert eventually(lambda: len([c for c in b.calls if c.method == V1]) > asked)
    assert h1.call(g.port, "POST", "/v1/echo", json={"text": "x"}).json == {"text": "x"}
