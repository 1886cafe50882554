"""A gateway of `make gateway`: the schema is inside, the rest is as in the dynamic one."""
import os
import pathlib
import signal
import subprocess

import pytest

import h1
from backend import Backend
from harness import BUILD, POSTERN, REPO, Gateway, Schema, eventually, protoc

API = """syntax = "proto3";
package inside.v1;
import "google/api/annotations.proto";
import "postern/v1/options.proto";
import "inside/v1/types.proto";
service Notes {
  option (postern.v1.service) = { upstream: "notes" };
  rpc Get(Note) returns (Note) { option (google.api.http) = { get: "/notes/{id}" }; }
  rpc List(Note) returns (stream Note) { option (google.api.http) = { get: "/notes" }; }
  rpc Put(stream Note) returns (Note) {
    option (google.api.http) = { post: "/notes" body: "*" };
    option (postern.v1.method) = { timeout: "%s" };
  }
}
"""
TYPES = """syntax = "proto3";
package inside.v1;
message Note { int64 id = 1; string text = 2; map<string, Note> more = 3; }
"""
MODES = ("asan", "tsan", "cov")


def write(folder, timeout="5s"):
    where = folder / "protos/inside/v1"
    where.mkdir(parents=True)
    (where / "notes.proto").write_text(API % timeout)
    (where / "types.proto").write_text(TYPES)
    return where / "notes.proto"


def make_gateway(proto, out):
    """`make gateway` for the build under test."""
    where = [f"BUILD={BUILD.parent}", f"MODE={BUILD.name}"] if BUILD.name in MODES else [
        f"BUILD={BUILD}"]
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(["make", "--no-print-directory", "-C", REPO, "gateway", *where,
                           f"PROTO={proto}", f"PROTO_PATH={proto.parents[2]}", f"OUT={out}"],
                          capture_output=True, text=True, env=env)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The program, and the descriptor set of the same proto."""
    folder = pathlib.Path(tmp_path_factory.mktemp("made"))
    proto = write(folder)
    done = make_gateway(proto, folder / "notes-gateway")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "notes-gateway", protoc(folder / "notes.pb", proto, include=[proto.parents[2]])


@pytest.fixture(scope="module")
def server(made):
    schema = Schema(made[1])

    def listing(call):
        for i in range(3):
            yield call.output(id=i, text=call.request.text)
    b = Backend(schema, {"/inside.v1.Notes/Get": lambda call: call.request,
                         "/inside.v1.Notes/List": listing,
                         "/inside.v1.Notes/Put": lambda call: call.output(
                             id=len(list(call.requests)))})
    yield b
    b.stop()


def config(server):
    return {"clusters": [{"name": "notes", "endpoints": [server.target]}]}


@pytest.fixture(scope="module")
def pair(made, server, tmp_path_factory):
    """The dedicated gateway, without --descriptors, and the dynamic one with them."""
    folder = tmp_path_factory.mktemp("pair")
    inside = Gateway(folder / "inside", config=config(server), program=made[0])
    loaded = Gateway(folder / "loaded", descriptors=made[1], config=config(server))
    yield inside, loaded
    inside.stop()
    loaded.stop()


def everything(answer):
    own = ("date", "x-request-id")
    return (answer.status, answer.clean, answer.text,
            sorted((k, v) for k, v in answer.headers if k not in own))


@pytest.mark.parametrize("method, target, parts", [
    ("GET", "/notes/7?text=x&more=1", {}),
    ("GET", "/notes/7?text=x", {}),
    ("HEAD", "/notes/7", {}),
    ("GET", "/notes/seven", {}),
    ("GET", "/notes?text=a", {}),
    ("GET", "/notes?text=a", {"headers": {"Accept": "text/event-stream"}}),
    ("GET", "/notes?text=a", {"headers": {"Accept": "application/x-ndjson"}}),
    ("POST", "/notes", {"json": [{"id": "1"}, {"text": "t", "more": {"k": {"id": 2}}}]}),
    ("POST", "/notes", {"json": [{"id": "1"}, {"ix": 1}]}),
    ("POST", "/notes", {"body": "{", "headers": {"Content-Type": "application/x-ndjson"}}),
    ("POST", "/inside.v1.Notes/Get", {"json": {"id": 1}}),
    ("PUT", "/notes/7", {"json": {}}),
    ("GET", "/elsewhere", {}),
], ids=lambda v: str(v)[:40])
def test_it_answers_as_the_dynamic_gateway_does(pair, method, target, parts):
    inside, loaded = (everything(h1.call(g.port, method, target, **parts)) for g in pair)
    assert inside == loaded


def check(program, config_path, *args):
    done = subprocess.run([program, "--check", "--config", config_path, *args],
                          capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def test_check_shows_the_same_routes(pair, made):
    path = pair[0].config_path
    inside = check(made[0], path)
    assert inside == check(POSTERN, path, "--descriptors", made[1])
    assert inside[0] == 0 and "inside.v1.Notes.Get" in inside[1]


def start(program, *args):
    done = subprocess.run([program, *args], capture_output=True, text=True, timeout=10)
    return done.returncode, done.stderr


def test_another_schema_than_the_one_inside_is_a_bad_start(made, tmp_path):
    code, errors = start(made[0], "--descriptors", made[1], "--upstream", "127.0.0.1:1")
    assert code == 2 and errors.count("\n") == 1, errors
    assert errors.startswith(f"postern: --descriptors {made[1]}: "), errors
    assert "schema inside" in errors, errors
    (tmp_path / "postern.yaml").write_text(f"workers: 1\ndescriptors: {made[1]}\n")
    code, errors = start(made[0], "--config", tmp_path / "postern.yaml")
    assert code == 2 and errors.count("\n") == 1, errors
    assert "postern.yaml:2: descriptors: " in errors and "schema inside" in errors, errors


def test_help_offers_what_this_gateway_takes(made):
    def help_of(program):
        return subprocess.run([program, "--help"], capture_output=True, text=True).stdout
    inside, dynamic = help_of(made[0]), help_of(POSTERN)
    assert "--descriptors" not in inside and "--descriptors" in dynamic
    rest = [x for x in dynamic.splitlines() if "--descriptors" not in x]
    assert set(rest) < set(inside.splitlines())


def test_names_of_the_configuration_are_resolved_when_it_starts(made, tmp_path):
    (tmp_path / "postern.yaml").write_text("workers: 1\n")
    code, _, errors = check(made[0], tmp_path / "postern.yaml")
    assert code == 1 and "notes.proto:7: " in errors and '"notes"' in errors, errors


def test_hup_takes_a_new_configuration(made, server, tmp_path):
    g = Gateway(tmp_path / "g", config=config(server), program=made[0])
    assert h1.call(g.port, "GET", "/notes/7").status == 200
    g.write_config({**config(server), "http": [
        {"selector": "inside.v1.Notes.Get", "get": "/renamed/{id}"}]})
    g.signal(signal.SIGHUP)
    assert eventually(lambda: h1.call(g.port, "GET", "/renamed/7").status == 200)
    assert h1.call(g.port, "GET", "/notes/7").status == 404
    g.stop()


def test_a_wrong_option_stops_the_build_with_its_line(tmp_path):
    done = make_gateway(write(tmp_path, timeout="soon"), tmp_path / "gateway")
    assert done.returncode != 0
    fault, = [x for x in done.stderr.splitlines() if x.startswith("inside/v1/notes.proto:12: ")]
    assert "timeout" in fault and "soon" in fault
    assert not (tmp_path / "gateway").exists()
