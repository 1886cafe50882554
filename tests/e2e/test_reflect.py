"""--reflect: the schema comes from the upstream's server reflection, at the start and on HUP."""
import signal
import subprocess
import threading
import time

import pytest

import h1
from backend import Backend
from demo import ECHO, SERVICES
from harness import DEMO_BACKEND, POSTERN, Process, assert_error, eventually, free_port

V1, V1ALPHA = (f"/grpc.reflection.{v}.ServerReflection/ServerReflectionInfo"
               for v in ("v1", "v1alpha"))


class Told:
    """What a server tells of itself: one answer per question, each with the file alone, so that its
    imports have to be asked for. Tests change it between two questions."""

    def __init__(self, schema, *services):
        self.pool, self.services, self.hidden = schema.pool, list(services), ()
        self.asked, self.ended = [], 0

    def file(self, question):
        if question.WhichOneof("message_request") == "file_by_filename":
            found = self.pool.FindFileByName(question.file_by_filename)
        else:
            found = self.pool.FindFileContainingSymbol(question.file_containing_symbol)
        if found.name in self.hidden:
            raise KeyError
        return found.serialized_pb

    def __call__(self, call):
        for question in call.requests:
            self.asked.append(question.WhichOneof("message_request"))
            yield self.answer(question, call.output(original_request=question))
        self.ended += 1     # a call that is cancelled raises

    def answer(self, question, answer):
        if question.WhichOneof("message_request") == "list_services":
            for name in ("grpc.reflection.v1.ServerReflection", *self.services):
                answer.list_services_response.service.add(name=name)
            return answer
        try:
            answer.file_descriptor_response.file_descriptor_proto.append(self.file(question))
        except KeyError:
            answer.error_response.error_code = 5
            answer.error_response.error_message = "not known here"
        return answer


@pytest.fixture
def told(schemas):
    return Told(schemas["reflection"], "demo.v1.Echo")


@pytest.fixture
def server(schemas):
    made = []

    def make(port=0, **does):
        """Without a function a method is UNIMPLEMENTED."""
        unknown = {v: lambda call: call.fail(12, "not here") for v in (V1, V1ALPHA)}
        made.append(Backend(schemas["reflection"], {**unknown, ECHO: SERVICES[ECHO], **does},
                            port=port))
        return made[-1]
    yield make
    for b in made:
        b.stop()


@pytest.fixture(scope="module")
def demo_backend(tmp_path_factory):
    """build/demo-backend, which knows v1 and v1alpha."""
    port = free_port()
    p = Process([DEMO_BACKEND, "--listen", f"127.0.0.1:{port}"], tmp_path_factory.mktemp("demo"))
    p.await_port(port)
    p.target = f"127.0.0.1:{port}"
    yield p
    p.stop()


@pytest.fixture
def reflecting(start, told, server):
    """A gateway that has asked the server that `told` speaks for."""
    b = server(**{V1: told})
    g = start(b.target, args=["--reflect"], set=None)
    g.server = b
    return g


def echo(g):
    return h1.call(g.port, "POST", "/v1/echo", json={"text": "x"})


def well(g):
    answer = echo(g)
    assert answer.status == 200 and answer.json == {"text": "x"}, answer
    return True


def run(*args):
    """A start that is to end by itself."""
    return subprocess.run([POSTERN, *map(str, args)], capture_output=True, text=True, timeout=30)


def refused(*args):
    result = run("--reflect", "--listen", f"127.0.0.1:{free_port()}", *args)
    assert result.returncode == 2 and len(result.stderr.strip().splitlines()) == 1, result
    assert "reflect" in result.stderr
    return result.stderr


# ---- what a server tells is served ----

@pytest.mark.parametrize("version", [V1, V1ALPHA], ids=["v1", "v1alpha"])
def test_the_schema_of_the_upstream_is_served(start, server, told, version):
    b = server(**{version: told})
    g = start(b.target, args=["--reflect"], set=None)
    assert well(g)
    assert_error(h1.call(g.port, "POST", "/v1/nope", json={}), 404)


def test_each_file_is_asked_for_once(reflecting, told, schemas):
    def imports(file):
        return set().union(*({f.name} | imports(f) for f in file.dependencies))
    needed = imports(schemas["reflection"].pool.FindFileByName("demo/v1/echo.proto"))
    assert told.asked[:2] == ["list_services", "file_containing_symbol"]
    assert told.asked[2:] == ["file_by_filename"] * len(needed)


def test_the_stream_is_ended_and_not_torn(reflecting, told):
    assert eventually(lambda: told.ended == 1)


def test_the_demo_backend_tells_everything(start, demo_backend):
    g = start(demo_backend.target, args=["--reflect"], set=None)
    assert well(g)
    assert h1.call(g.port, "GET", "/v2/health/live").json == {"live": True}
    answer = h1.call(g.port, "POST", "/v1/models/tiny:generate", json={"prompt": "x"})
    assert answer.status == 200, answer


@pytest.mark.parametrize("path", [V1, V1ALPHA])
def test_reflection_itself_is_not_offered(start, demo_backend, path):
    g = start(demo_backend.target, args=["--reflect"], set=None)
    assert_error(h1.call(g.port, "POST", path, json=[]), 404)


def test_the_routes_are_those_of_the_descriptors(demo_backend, sets):
    def routes(*args):
        result = run("--check", "--upstream", demo_backend.target, *args)
        assert result.returncode == 0, result
        return {line for line in result.stdout.splitlines() if "demo.v1." in line}
    assert routes("--reflect") == routes("--descriptors", sets["demo"]) != set()


def test_files_that_only_carry_options_may_be_unknown_to_the_server(start, server, told):
    told.hidden = ("google/api/annotations.proto",)
    assert well(start(server(**{V1: told}).target, args=["--reflect"], set=None))


@pytest.mark.parametrize("transport", ["HTTP2", "GRPC_CORE"])
def test_the_configuration_may_ask_for_it_by_a_cluster(start, server, told, transport):
    g = start(None, {"reflect": True, "upstream": "llm", "clusters": [
        {"name": "llm", "endpoints": [server(**{V1: told}).target], "transport": transport}]},
        set=None)
    assert well(g)


# ---- what cannot be ----

def test_an_upstream_without_reflection_is_a_bad_start_with_its_remedy(server):
    b = server()
    line = refused("--upstream", b.target)
    assert b.target in line and "--descriptors" in line


def test_an_upstream_that_is_not_there_is_a_bad_start_with_its_reason():
    target, begun = f"127.0.0.1:{free_port()}", time.monotonic()
    line = refused("--upstream", target)
    assert f"connection to {target} refused" in line, line
    assert 8 < time.monotonic() - begun < 12


@pytest.mark.parametrize("transport", ["HTTP2", "GRPC_CORE"])
def test_an_upstream_that_comes_up_two_seconds_later_is_waited_for(start, server, told, transport):
    """A sidecar starts together with its server."""
    port, made = free_port(), []
    late = threading.Timer(2, lambda: made.append(server(**{V1: told}, port=port)))
    late.start()
    begun = time.monotonic()
    g = start(None, {"reflect": True, "upstream": "llm", "clusters": [
        {"name": "llm", "endpoints": [f"127.0.0.1:{port}"], "transport": transport}]}, set=None)
    assert 2 < time.monotonic() - begun < 6
    late.join()
    assert well(g) and g.stderr().count("\n") <= 2


def test_reflection_needs_an_upstream():
    assert "--upstream" in refused()


def test_a_service_that_the_server_does_not_describe_is_named(server, told):
    told.services.append("demo.v1.Ghost")
    line = refused("--upstream", server(**{V1: told}).target)
    assert "demo.v1.Ghost" in line and "not known here" in line


def test_a_file_that_is_needed_and_missing_is_named(server, told):
    told.hidden = ("google/protobuf/duration.proto",)
    result = run("--check", "--reflect", "--upstream", server(**{V1: told}).target)
    assert result.returncode == 1 and told.hidden[0] in result.stderr, result


@pytest.mark.parametrize("what, says", [("bytes that are no file", "descriptor"),
                                        ("an end", "ended"), ("nothing", "demo.v1.Echo")])
def test_reflection_that_lies_is_a_bad_start(server, what, says):
    def lie(call):
        for question in call.requests:
            answer = call.output(original_request=question)
            if question.WhichOneof("message_request") == "list_services":
                answer.list_services_response.service.add(name="demo.v1.Echo")
            elif what == "an end":
                return
            elif what == "bytes that are no file":
                answer.file_descriptor_response.file_descriptor_proto.append(b"\xff\xff junk")
            yield answer
    b = server(**{V1: lie, V1ALPHA: lie})
    assert says in refused("--upstream", b.target)


# ---- HUP ----

def test_hup_asks_again(reflecting, told, schemas):
    assert h1.call(reflecting.port, "GET", "/v1/models/m").status == 404
    told.pool = schemas["demo"].pool
    told.services.append("demo.v1.TextGeneration")
    reflecting.signal(signal.SIGHUP)
    # Known now; that the server has no such method is another matter.
    assert eventually(lambda: h1.call(reflecting.port, "GET", "/v1/models/m").status == 501)
    assert well(reflecting)


def test_hup_with_a_worse_answer_keeps_what_was_known(reflecting, told):
    told.services.clear()
    reflecting.signal(signal.SIGHUP)
    assert eventually(lambda: "reload refused" in reflecting.stderr()), reflecting.stderr()
    assert well(reflecting)


def test_hup_with_the_server_gone_keeps_what_was_known(reflecting):
    reflecting.server.stop()
    reflecting.signal(signal.SIGHUP)
    assert eventually(lambda: "reload refused" in reflecting.stderr(), 8), reflecting.stderr()
    assert_error(echo(reflecting), 503)


def test_calls_go_on_while_the_answer_takes_its_time(reflecting, told):
    honest, slow = told.answer, 0.5
    told.answer = lambda *parts: time.sleep(slow) or honest(*parts)
    reflecting.signal(signal.SIGHUP)
    assert eventually(lambda: told.asked.count("list_services") == 2)
    begun = time.monotonic()
    assert all(well(reflecting) for _ in range(20)) and time.monotonic() - begun < slow
