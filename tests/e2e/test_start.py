"""How the program starts: flags, --check, the configuration file."""
import re
import socket
import subprocess

import pytest
from google.protobuf import descriptor_pb2

import h1
from harness import POSTERN, REPO, Process, assert_error, eventually, free_port, protoc


def run(*args, cwd=None):
    return subprocess.run([str(a) for a in (POSTERN, *args)], capture_output=True, text=True,
                          timeout=10, cwd=cwd)


# ---- a bad start ----

BROKEN_YAML = "listeners:\n  - address: 127.0.0.1:1\nworkerz: 3\n"
# arguments, texts that the one line must hold. {pb} is a good descriptor set.
BAD_STARTS = {
    "no schema": ("--upstream 127.0.0.1:1", ["--descriptors"]),
    "no upstream": ("--descriptors {pb}", ["--upstream"]),
    "an unknown flag": ("--descriptors {pb} --upstream 127.0.0.1:1 --nope", ["--nope"]),
    "a flag without its value": ("--upstream 127.0.0.1:1 --descriptors", ["--descriptors"]),
    "descriptors that are not there": ("--upstream 127.0.0.1:1 --descriptors none.pb",
                                       ["none.pb", "No such file"]),
    "descriptors that are none": ("--upstream 127.0.0.1:1 --descriptors junk.pb", ["junk.pb"]),
    "an empty descriptor file": ("--upstream 127.0.0.1:1 --descriptors empty.pb", ["empty.pb"]),
    "an upstream without a port": ("--descriptors {pb} --upstream 127.0.0.1",
                                   ["--upstream", "127.0.0.1"]),
    "a port that is none": ("--descriptors {pb} --upstream 127.0.0.1:99999",
                            ["--upstream", "99999"]),
    "a listen address that is none": ("--descriptors {pb} --upstream 127.0.0.1:1 --listen nope",
                                      ["--listen", "nope"]),
    "a listen address in use": ("--descriptors {pb} --upstream 127.0.0.1:1 --listen {used}",
                                ["{used}", "in use"]),
    "an admin address in use": ("--descriptors {pb} --upstream 127.0.0.1:1 --listen {free} "
                                "--admin {used}", ["{used}", "in use"]),
    "workers that are no number": ("--descriptors {pb} --upstream 127.0.0.1:1 --workers two",
                                   ["--workers", "two"]),
    "a size that is no number": ("--descriptors {pb} --upstream 127.0.0.1:1 "
                                 "--max-request-body 1k5", ["--max-request-body", "1k5"]),
    "a config that is not there": ("--descriptors {pb} --upstream 127.0.0.1:1 --config none.yaml",
                                   ["none.yaml", "No such file"]),
    "a config with an unknown key": ("--descriptors {pb} --upstream 127.0.0.1:1 --config bad.yaml",
                                     ["bad.yaml:3", "workerz"]),
    "an argument too many": ("--descriptors {pb} --upstream 127.0.0.1:1 whatever", ["whatever"]),
}


@pytest.mark.parametrize("case", BAD_STARTS)
def test_a_bad_start_is_exit_2_and_one_line_that_names_it(tmp_path, sets, case):
    (tmp_path / "junk.pb").write_bytes(b"\xff\xfe junk")
    (tmp_path / "empty.pb").write_bytes(b"")
    (tmp_path / "bad.yaml").write_text(BROKEN_YAML)
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        names = {"pb": sets["demo"], "used": f"127.0.0.1:{s.getsockname()[1]}",
                 "free": f"127.0.0.1:{free_port()}"}
        text, words = BAD_STARTS[case]
        args = text.format(**names).split()
        if "{used}" not in text and "--listen" not in text:
            args = ["--listen", names["free"]] + args
        result = run(*args, cwd=tmp_path)
    assert result.returncode == 2, result
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    for word in words:
        assert word.format(**names) in result.stderr, result.stderr


@pytest.mark.parametrize("flag, text", [("--help", "--descriptors"), ("--version", "postern")])
def test_help_and_version_are_on_standard_output(flag, text):
    result = run(flag)
    assert (result.returncode, result.stderr) == (0, "") and text in result.stdout


# ---- --check ----

def check(tmp_path, proto=None, config=None, *args):
    tmp_path.mkdir(exist_ok=True)
    extra = []
    if proto:
        (tmp_path / "api.proto").write_text(proto)
        extra += ["--descriptors", protoc(tmp_path / "api.pb", "api.proto", include=[tmp_path])]
    if config:
        (tmp_path / "postern.yaml").write_text(config)
        extra += ["--config", "postern.yaml"]
    result = run("--check", "--upstream", "127.0.0.1:1", *extra, *args, cwd=tmp_path)
    return result.returncode, result.stdout + result.stderr


API = """syntax = "proto3";
package api;
import "google/api/annotations.proto";
import "postern/v1/options.proto";
message M { string name = 1; int32 n = 2; M m = 3; repeated string r = 4; }
service S {
%s
}
"""


def rpc(rule, name="A", more=""):
    return (f"  rpc {name}(M) returns (M) {{\n    option (google.api.http) = {{ {rule} }};\n"
            f"{more}  }}")


def test_check_of_what_is_right_is_silent_and_0(tmp_path, sets):
    for name in "demo", "kitchen", "kitchen2":
        result = run("--check", "--descriptors", sets[name], "--upstream", "127.0.0.1:1")
        assert (result.returncode, result.stderr) == (0, ""), result


FAULTS = {
    "a variable that is no field": (rpc('get: "/a/{nope}"'), ["api.proto:8", "nope"]),
    "a variable that is repeated": (rpc('get: "/a/{r}"'), ["api.proto:8", "repeated"]),
    "a variable that is a message": (rpc('get: "/a/{m}"'), ["api.proto:8", "m"]),
    "a template without a slash": (rpc('get: "a"'), ["api.proto:8", "/"]),
    "an open brace": (rpc('get: "/a/{name"'), ["api.proto:8"]),
    "** before the end": (rpc('get: "/a/**/b/**"'), ["api.proto:8", "**"]),
    "a body that is no field": (rpc('post: "/a" body: "nope"'), ["api.proto:8", "nope"]),
    "a response body that is no field": (rpc('get: "/a" response_body: "x"'), ["api.proto:8", "x"]),
    "a variable twice": (rpc('get: "/a/{name}/{name}"'), ["api.proto:8", "name"]),
    "nested additional bindings": (rpc(
        'get: "/a" additional_bindings { get: "/b" additional_bindings { get: "/c" } }'),
        ["api.proto:8", "additional_bindings"]),
    "two routes for the same": (rpc('get: "/a/{name}"') + rpc('get: "/a/{m.name}"', "B"),
                                ["api.S", "A", "B"]),
    "an unknown cluster": (rpc('get: "/a"', more='    option (postern.v1.method) = { upstream: '
                               '"nowhere" };\n'), ["api.proto:9", "nowhere"]),
    "a timeout that is none": (rpc('get: "/a"', more='    option (postern.v1.method) = { timeout: '
                                   '"soon" };\n'), ["api.proto:9", "timeout", "soon"]),
    "a route by an unknown field": (rpc(
        'get: "/a"',
        more='    option (postern.v1.method) = { route { field: "x.y" to: "h:1" } };\n'),
        ["api.proto:9", "route[0].field", "x"]),
}


@pytest.mark.parametrize("case", FAULTS)
def test_check_names_the_place_of_a_fault(tmp_path, case):
    text, words = FAULTS[case]
    code, out = check(tmp_path, API % text)
    assert code == 1, out
    for word in words:
        assert word in out, out


def test_check_names_all_faults_not_only_the_first(tmp_path):
    code, out = check(tmp_path, API % "\n".join(
        [rpc('get: "/a/{nope1}"', "A"), rpc('get: "/b/{nope2}"', "B"), rpc('get: "c"', "C")]))
    assert code == 1
    for word in "nope1", "nope2", "api.proto:8", "api.proto:11", "api.proto:14":
        assert word in out, out


def test_check_names_the_rpc_where_lines_are_not_known(tmp_path):
    (tmp_path / "api.proto").write_text(API % rpc('get: "/a/{nope}"'))
    pb = protoc(tmp_path / "api.pb", "api.proto", include=[tmp_path])
    files = descriptor_pb2.FileDescriptorSet.FromString(pb.read_bytes())
    for f in files.file:
        f.ClearField("source_code_info")
    pb.write_bytes(files.SerializeToString())
    result = run("--check", "--descriptors", pb, "--upstream", "127.0.0.1:1")
    assert result.returncode == 1 and "api.S/A" in result.stdout + result.stderr, result


def test_an_option_that_this_build_does_not_know_is_a_fault(tmp_path):
    newer = (REPO / "proto/postern/v1/options.proto").read_text().replace(
        "optional bool idempotent = 4;",
        "optional bool idempotent = 4; optional string cache = 99;")
    (tmp_path / "postern/v1").mkdir(parents=True)
    (tmp_path / "postern/v1/options.proto").write_text(newer)
    code, out = check(tmp_path, API % rpc(
        'get: "/a"', more='    option (postern.v1.method) = { cache: "10m" };\n'))
    assert code == 1 and "api.proto:9" in out and "99" in out, out


CONFIGS = {
    "an unknown key": ("clusters:\n  - name: a\n    endpoint: x:1\n", 3, "endpoint"),
    "a wrong type": ("workers: many\n", 1, "workers"),
    "a key twice": ("workers: 1\nupstream: h:1\nworkers: 2\n", 3, "workers"),
    "a cluster without endpoints": ("clusters:\n  - name: a\n", 2, "endpoints"),
    "a cluster twice": ("clusters:\n" + "- {name: a, endpoints: ['h:1']}\n" * 2, 3, "a"),
    "an endpoint that is none": ("clusters:\n- name: a\n  endpoints:\n  - nope\n", 4, "nope"),
    "a duration that is none": ("bounds:\n  idle: 5\n", 2, "idle"),
    "a selector of nothing": ("overrides:\n- selector: no.Such.*\n  policy: {timeout: 1s}\n", 2,
                              "no.Such"),
    "a route to nowhere": ("overrides:\n- selector: '*'\n  policy:\n    route:\n"
                           "    - {header: x, to: nowhere}\n", 5, "nowhere"),
    "YAML that is none": ("a: [1,\nb: 2\n", None, ""),
    "a list for a map": ("- a\n", 1, ""),
    "a rule for no RPC": ("http:\n- selector: api.S.Nope\n  get: /x\n", 2, "api.S.Nope"),
}


@pytest.mark.parametrize("case", CONFIGS)
def test_check_names_the_line_of_a_fault_in_the_configuration(tmp_path, case):
    text, line, word = CONFIGS[case]
    code, out = check(tmp_path, API % rpc('get: "/a"'), text)
    assert code == 1, out
    assert (f"postern.yaml:{line}" if line else "postern.yaml:") in out and word in out, out


# ---- the configuration file ----

def test_everything_may_stand_in_the_file(tmp_path, sets, backend):
    port, admin = free_port(), free_port()
    (tmp_path / "api.pb").write_bytes(sets["demo"].read_bytes())
    (tmp_path / "postern.yaml").write_text(f"""# the gateway's own file
listeners:
  - address: 127.0.0.1:{port}
admin: {{ address: "127.0.0.1:{admin}" }}
descriptors: api.pb            # relative to this file
upstream: llm
clusters:
  - name: llm
    endpoints: ["{backend.target}"]
    connectTimeout: 2s
bounds:
  request_body_bytes: 100
  json_depth: 5
access_log: {{ path: log.json }}
grace_period: 1s
""")
    p = Process([POSTERN, "--config", tmp_path / "postern.yaml"], tmp_path)
    p.await_port(port)
    assert h1.call(port, "POST", "/v1/echo", json={"text": "x"}).json == {"text": "x"}
    assert_error(h1.call(port, "POST", "/v1/echo", json={"text": "x" * 200}), 413)
    body = b'{"jsonSchema":' + b'{"a":' * 8 + b"1" + b"}" * 9
    assert_error(h1.call(port, "POST", "/v1/models/m:generate", body=body), 400)
    assert h1.call(admin, "GET", "/healthz").status == 200
    p.stop()


def test_several_listeners_serve(start, backend):
    other = free_port()
    g = start(backend.target, {"listeners": [{"address": f"127.0.0.1:{other}"}]},
              args=["--listen", f"127.0.0.1:{other}"])
    assert h1.call(other, "GET", "/v1/models/m").status == 200
    assert g.alive()


def test_two_workers_serve_and_are_one_to_the_outside(start, backend):
    g = start(backend.target, args=["--workers", "2"])
    for _ in range(40):
        assert h1.call(g.port, "POST", "/v1/echo", json={"id": 1}).status == 200
    assert len(g.logged(40)) == 40
    text = h1.call(g.admin, "GET", "/metrics").text
    assert re.search(r'^postern_requests_total\{[^}]*method="[^"]*Echo"[^}]*\} 40$', text, re.M)


def test_a_listener_may_be_a_unix_socket(start, backend, tmp_path):
    path = tmp_path / "in.sock"
    start(backend.target, args=["--listen", f"unix:{path}"])
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(5)
        s.connect(str(path))
        s.sendall(h1.request("POST", "/v1/echo", json={"id": 3}, headers={"Connection": "close"}))
        data = b""
        while piece := s.recv(4096):
            data += piece
    assert data.startswith(b"HTTP/1.1 200 ") and data.endswith(b'{"id":"3"}')


def test_the_access_log_may_be_standard_output(start, backend):
    g = start(backend.target, {"access_log": {"path": "-"}})
    h1.call(g.port, "GET", "/v1/models/m")
    assert eventually(lambda: '"target":"/v1/models/m"' in g.stdout())
