"""Who serves a call: endpoints that come and go, round robin, branches by header and field."""
import json
import threading
import time

import pytest

import h1
import h2peer
from demo import ECHO, TEXT
from harness import DEMO_BACKEND, Process, assert_error, eventually, free_port, protoc


def named(name, *more):
    """Services that say in the answer who they are."""
    def tell(call):
        return call.output(text=name)
    return {ECHO: tell, TEXT + "Generate": tell, **dict(more)}


def who(g, headers=(), method="/v1/echo", **json):
    answer = h1.call(g.port, "POST", method, json=json, headers=headers)
    assert answer.status == 200, answer
    return answer.json["text"]


# ---- endpoints ----

def test_calls_go_round_the_endpoints(start, serve):
    servers = [serve(named(n)) for n in "abc"]
    g = start(None, {"upstream": "all", "clusters": [
        {"name": "all", "endpoints": [s.target for s in servers]}]})
    seen = [who(g) for _ in range(30)]
    assert {n: seen.count(n) for n in "abc"} == {"a": 10, "b": 10, "c": 10}, seen


def test_a_dead_endpoint_costs_nobody_a_call(start, serve):
    server = serve(named("alive"))
    g = start(None, {"upstream": "all", "clusters": [{"name": "all", "endpoints": [
        f"127.0.0.1:{free_port()}", server.target]}]})
    assert {who(g) for _ in range(20)} == {"alive"}


def test_an_endpoint_that_dies_under_way_costs_nobody_a_later_call(start, serve):
    a, b = serve(named("a")), serve(named("b"))
    g = start(None, {"upstream": "all", "clusters": [
        {"name": "all", "endpoints": [a.target, b.target]}]})
    assert {who(g) for _ in range(10)} == {"a", "b"}
    a.stop()
    time.sleep(0.1)
    assert {who(g) for _ in range(20)} == {"b"}


def test_no_endpoint_alive_is_503_at_once(start):
    g, began = start(f"127.0.0.1:{free_port()}"), time.monotonic()
    assert_error(h1.call(g.port, "POST", "/v1/echo", json={}), 503, 14)
    assert time.monotonic() - began < 1


def test_a_restarted_backend_is_found_again(start, serve):
    port = free_port()
    first = serve(named("first"), port=port)
    g = start(first.target)
    assert who(g) == "first"
    first.stop()
    time.sleep(0.05)
    assert_error(h1.call(g.port, "POST", "/v1/echo", json={}), 503, 14)
    serve(named("second"), port=port)
    answer = eventually(lambda: [x for x in [h1.call(g.port, "POST", "/v1/echo", json={})]
                                 if x.status == 200], 5, 0.1)
    assert answer and answer[0].json["text"] == "second"


def test_a_backend_that_ends_in_good_order_loses_no_call(start, serve):
    port = free_port()
    server = serve(named("x"), port=port)
    g, statuses, stop = start(server.target), [], threading.Event()

    def client():
        with h1.Connection(g.port) as c:
            while not stop.is_set():
                c.send(h1.request("POST", "/v1/sleep", json={"duration": "0.020s"}))
                statuses.append(c.response().status)
    clients = [threading.Thread(target=client) for _ in range(4)]
    server.does["/demo.v1.Echo/Sleep"] = lambda call: (time.sleep(0.02), call.output())[1]
    for t in clients:
        t.start()
    time.sleep(0.2)
    server.stop(grace=5)                    # GOAWAY, then what is in flight ends
    time.sleep(0.1)
    stop.set()
    for t in clients:
        t.join()
    # Python's server cancels what arrives while it goes away; nothing else may be seen.
    assert statuses.count(200) > 20 and set(statuses) <= {200, 499, 503}, statuses


def test_a_backend_killed_under_load_leaves_no_request_without_its_outcome(start, tmp_path):
    port, stop, outcomes = free_port(), threading.Event(), []
    g = start(f"127.0.0.1:{port}")

    def launch():
        p = Process([DEMO_BACKEND, "--listen", f"127.0.0.1:{port}"], tmp_path)
        p.await_port(port)
        return p

    def client(name):
        n = 0
        with h1.Connection(g.port) as c:
            while not stop.is_set():
                n += 1
                message = {"text": f"{name}-{n} " + "x" * 3000}
                c.send(h1.request("POST", "/v1/echo", json=message))
                answer = c.response()
                assert answer.clean
                if answer.status != 200:
                    assert_error(answer, 503, 14)
                outcomes.append(answer.status == 200 and answer.json == message)
    server = launch()
    clients = [threading.Thread(target=client, args=(i,)) for i in range(4)]
    for t in clients:
        t.start()
    for _ in range(4):
        time.sleep(0.15)
        server.kill()
        time.sleep(0.05)
        server = launch()
    time.sleep(0.6)                         # the way back is waited for a little
    mark = len(outcomes)
    assert eventually(lambda: len(outcomes) > mark + 20)
    stop.set()
    for t in clients:
        t.join()
    assert all(outcomes[mark:]), "it does not recover"
    assert len(g.logged(len(outcomes))) == len(outcomes)
    server.stop()


def test_a_backend_killed_in_a_stream_ends_it_visibly(start, tmp_path):
    port = free_port()
    server = Process([DEMO_BACKEND, "--listen", f"127.0.0.1:{port}"], tmp_path)
    server.await_port(port)
    g = start(f"127.0.0.1:{port}")
    with h1.Connection(g.port) as c:
        c.send(h1.request("POST", "/v1/echo:stream", json={"count": 100, "intervalMs": 20},
                          headers={"Accept": "application/x-ndjson"}))
        _, body = c.open()
        body.until(b"}")
        server.kill()
        killed = time.monotonic()
        lines = body.rest().splitlines()
    assert time.monotonic() - killed < 0.5 and not body.clean
    assert json.loads(lines[-1])["error"]["code"] == 14


def test_a_unix_socket_is_an_endpoint_like_others(start, serve, tmp_path):
    server = serve(named("unix"), address=f"unix:{tmp_path}/s.sock")
    assert who(start(server.target)) == "unix"


def test_ipv6_and_names_are_endpoints_too(start, serve):
    server = serve(named("x"), address="localhost:0")
    assert who(start(f"localhost:{server.port}")) == "x"


def test_the_authority_may_be_chosen(start):
    with h2peer.Peer(h2peer.echoes) as peer:
        g = start(None, {"upstream": "p", "clusters": [
            {"name": "p", "endpoints": [peer.target], "authority": "models.example"}]})
        assert h1.call(g.port, "POST", "/v1/echo", json={}).status == 200
        assert peer.calls[0].header(":authority") == "models.example"


def test_calls_share_one_connection(start):
    with h2peer.Peer(h2peer.echoes) as peer:
        g = start(peer.target)
        conns = [h1.Connection(g.port) for _ in range(20)]
        for c in conns:
            c.send(h1.request("POST", "/v1/echo", json={}))
        assert [c.response().status for c in conns] == [200] * 20
        assert len(peer.conns) == 1
        for c in conns:
            c.close()


def test_more_pending_calls_than_allowed_are_unavailable(start):
    with h2peer.Peer(lambda c, r: None, settings=[(h2peer.MAX_CONCURRENT_STREAMS, 1)]) as peer:
        g = start(None, {"upstream": "p", "clusters": [{
            "name": "p", "endpoints": [peer.target], "max_connections": 1, "max_pending": 2}]})
        conns = [h1.Connection(g.port) for _ in range(6)]
        for c in conns:
            c.send(h1.request("POST", "/v1/echo", json={}, headers={"grpc-timeout": "700m"}))
        statuses = sorted(c.response().status for c in conns)
        assert statuses == [503] * 3 + [504] * 3, statuses
        for c in conns:
            c.close()


# ---- branches ----

@pytest.fixture
def branching(start, serve):
    main, canary = serve(named("main")), serve(named("canary"))

    def make(*routes, selector="demo.v1.*"):
        return start(None, {
            "upstream": "main",
            "clusters": [{"name": n, "endpoints": [s.target]}
                         for n, s in (("main", main), ("canary", canary))],
            "overrides": [{"selector": selector, "policy": {"route": list(routes)}}]})
    return make


def test_a_header_chooses_the_cluster(branching):
    g = branching({"header": "X-Canary", "equals": "1", "to": "canary"})
    assert who(g) == "main"
    assert who(g, {"x-canary": "1"}) == "canary"
    assert who(g, {"x-canary": "2"}) == "main"


def test_a_header_that_is_present_is_enough(branching):
    g = branching({"header": "x-canary", "to": "canary"})
    assert who(g, {"X-Canary": "anything"}) == "canary" and who(g) == "main"


@pytest.mark.parametrize("field, equals, yes, no", [
    ("text", "x", {"text": "x"}, {"text": "y"}), ("id", "7", {"id": "7"}, {"id": 8}),
    ("text", None, {"text": "z"}, {})])
def test_a_field_of_the_request_chooses_the_cluster(branching, field, equals, yes, no):
    route = {"field": field, "to": "canary", **({"equals": equals} if equals else {})}
    g = branching(route, selector="demo.v1.Echo.Echo")
    assert who(g, **yes) == "canary" and who(g, **no) == "main"


def test_a_field_bound_by_the_path_chooses_too(branching):
    g = branching({"field": "model", "equals": "big", "to": "canary"},
                  selector="demo.v1.TextGeneration.Generate")
    assert who(g, method="/v1/models/big:generate") == "canary"
    assert who(g, method="/v1/models/small:generate") == "main"


def test_the_first_branch_that_matches_decides(branching):
    g = branching({"header": "x", "equals": "1", "to": "main"}, {"header": "x", "to": "canary"})
    assert who(g, {"x": "1"}) == "main" and who(g, {"x": "2"}) == "canary"


PROTO = """syntax = "proto3";
package opt;
import "google/api/annotations.proto";
import "postern/v1/options.proto";
option (postern.v1.file) = { timeout: "100ms" };
message M { string text = 1; int32 n = 2; }
service S {
  option (postern.v1.service) = { upstream: "%s" json { proto_names: true } };
  rpc A(M) returns (M) { option (google.api.http) = { post: "/a" body: "*" }; }
  rpc B(M) returns (M) {
    option (google.api.http) = { post: "/b" body: "*" };
    option (postern.v1.method) = {
      timeout: "2s" route { field: "n" equals: "3" to: "canary" }
    };
  }
}
"""


def test_options_of_the_proto_are_executed_with_inheritance(start, tmp_path):
    (tmp_path / "opt.proto").write_text(PROTO % "main")
    pb = protoc(tmp_path / "opt.pb", "opt.proto", include=[tmp_path])

    def late(c, r):
        time.sleep(0.3)
        h2peer.answers(b"\x0a\x04main")(c, r)
    with h2peer.Peer(late) as main, h2peer.Peer(h2peer.answers(b"\x0a\x06canary")) as canary:
        g = start(None, {"clusters": [{"name": "main", "endpoints": [main.target]},
                                      {"name": "canary", "endpoints": [canary.target]}]},
                  descriptors=pb)
        assert_error(h1.call(g.port, "POST", "/a", json={}), 504, 4)
        assert h1.call(g.port, "POST", "/b", json={}).json == {"text": "main"}
        assert h1.call(g.port, "POST", "/b", json={"n": 3}).json == {"text": "canary"}


def test_an_option_may_name_an_endpoint_directly(start, tmp_path):
    with h2peer.Peer(h2peer.answers(b"\x0a\x01x")) as peer:
        text = PROTO % peer.target
        (tmp_path / "opt.proto").write_text(text.replace('to: "canary"', f'to: "{peer.target}"'))
        g = start(None, descriptors=protoc(tmp_path / "o.pb", "opt.proto", include=[tmp_path]))
        assert h1.call(g.port, "POST", "/a", json={}).json == {"text": "x"}


def test_rules_of_the_configuration_replace_those_of_the_proto(start, backend):
    g = start(backend.target, {"http": [{"selector": "demo.v1.Echo.Echo", "post": "/say/{text}",
                                         "body": "*"}]})
    assert h1.call(g.port, "POST", "/say/hello", json={"id": 1}).json == {"text": "hello",
                                                                          "id": "1"}
    assert h1.call(g.port, "POST", "/v1/echo", json={}).status == 404
