"""The second channel, gRPC core's, behind the real gateway: `transport: GRPC_CORE` and targets."""
import base64
import json
import threading
import time

import pytest

import h1
from demo import ECHO, ECHO_STREAM, FAIL, SLEEP, TEXT
from harness import BUILD, assert_error, eventually, free_port

pytestmark = pytest.mark.skipif(not (BUILD / "postern-grpc-core.so").exists(),
                                reason="postern-grpc-core.so is not built")
# c-ares 1.18 loses a copy of the name each time it resolves "localhost".
QUIET = {"LSAN_OPTIONS": "suppressions=lsan.supp"}


def cluster(**parts):
    return {"upstream": "core", "clusters": [{"name": "core", **parts}]}


@pytest.fixture
def core(start, tmp_path, backend):
    """core(**parts of the cluster): a gateway whose one cluster is on gRPC core."""
    def make(args=(), **parts):
        folder = tmp_path / "gateway0"
        folder.mkdir()
        (folder / "lsan.supp").write_text("leak:libcares.so\n")
        parts.setdefault("transport", "GRPC_CORE")
        return start(None, cluster(**parts), args, env=QUIET)
    return make


@pytest.fixture
def through(core, backend):
    """A gateway before `backend`."""
    return core(endpoints=[backend.target])


def test_unary_call(through, backend):
    sent = {"text": "grüße", "values": [1.5], "blob": "AAH/", "id": "9007199254740993"}
    answer = h1.call(through.port, "POST", "/v1/echo", json=sent)
    assert (answer.status, answer.json) == (200, sent)
    assert backend.calls[-1].method == ECHO


def test_calls_side_by_side_on_one_connection(through):
    answers = {}

    def run(i):
        with h1.Connection(through.port) as c:
            for n in range(20):
                c.send(h1.request("POST", "/v1/echo", json={"id": str(100 * i + n)}))
                answers[i, n] = c.response().json["id"] == str(100 * i + n)
    threads = [threading.Thread(target=run, args=(i,)) for i in range(1, 9)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(answers) == 160 and all(v or k == (0, 0) for k, v in answers.items())


def test_status_with_details(through):
    answer = h1.call(through.port, "POST", "/v1/fail",
                     json={"code": "NOT_FOUND", "message": "no such ä", "withRetryInfo": True})
    assert assert_error(answer, 404, 5) == "no such ä"
    assert answer.json["details"][0]["retryDelay"] == "2s"


def test_metadata_both_ways(through, backend):
    raw = base64.b64encode(b"\0\xff\x10").decode()
    answer = h1.call(through.port, "POST", "/v1/fail",
                     json={"code": 9, "message": "x", "trailers": {"x-back": "b", "x-raw-bin": raw}},
                     headers=[("X-There", "t"), ("X-Raw-Bin", raw)])
    seen = dict(backend.calls[-1].metadata)
    assert seen["x-there"] == "t" and seen["x-raw-bin"] == b"\0\xff\x10"
    assert answer.header("x-back") == "b"
    assert answer.header("x-raw-bin", "").rstrip("=") == raw.rstrip("=")


def test_server_stream_comes_piece_by_piece(through):
    with h1.Connection(through.port) as c:
        c.send(h1.request("POST", "/v1/echo:stream", headers=[("Accept", "application/x-ndjson")],
                          json={"message": {"text": "m"}, "count": 3, "intervalMs": 300}))
        began = time.monotonic()
        answer, body = c.open("POST")
        assert json.loads(body.until(b"\n"))["id"] == "1"
        assert time.monotonic() - began < 0.29
        rest = [json.loads(line) for line in body.rest().splitlines()]
    assert answer.status == 200 and [m["id"] for m in rest] == ["2", "3"]


def test_client_stream(through, backend):
    lines = b"".join(b'{"text":"%s"}\n' % (b"x" * n) for n in (1, 2, 3))
    answer = h1.call(through.port, "POST", "/v1/models/m:summarize", body=lines,
                     headers={"Content-Type": "application/x-ndjson"})
    assert answer.status == 200, answer
    assert (answer.json["chunks"], int(answer.json["characters"])) == (3, 6)


def test_deadline_of_the_client(through, backend):
    began = time.monotonic()
    answer = h1.call(through.port, "POST", "/v1/sleep", json={"duration": "20s"},
                     headers={"Grpc-Timeout": "300m"})
    assert_error(answer, 504, 4)
    assert 0.29 < time.monotonic() - began < 2
    assert eventually(lambda: backend.calls[-1].ended.is_set())


def test_client_that_leaves_cancels_the_call(through, backend):
    c = h1.Connection(through.port)
    c.send(h1.request("POST", "/v1/sleep", json={"duration": "20s"}))
    assert eventually(lambda: backend.calls and backend.calls[-1].method == SLEEP)
    c.abort()
    assert eventually(lambda: backend.calls[-1].ended.is_set(), timeout=1)


def test_big_messages(through):
    blob = base64.b64encode(bytes(8 << 20)).decode()
    answer = h1.call(through.port, "POST", "/v1/echo", json={"blob": blob})
    assert answer.status == 200 and answer.json["blob"] == blob


def test_name_in_a_target(core, backend):
    g = core(target=f"dns:///localhost:{backend.port}")
    assert h1.call(g.port, "POST", "/v1/echo", json={"text": "by name"}).json["text"] == "by name"


def test_several_endpoints_take_turns(core, serve):
    servers = [serve({ECHO: lambda call, n=n: call.output(text=n)}) for n in "ab"]
    g = core(endpoints=[s.target for s in servers])
    h1.call(g.port, "POST", "/v1/echo", json={})
    time.sleep(0.2)
    seen = [h1.call(g.port, "POST", "/v1/echo", json={}).json["text"] for _ in range(20)]
    assert sorted(seen) == ["a"] * 10 + ["b"] * 10


def test_absent_backend_is_503(core):
    g = core(endpoints=[f"127.0.0.1:{free_port()}"])
    assert_error(h1.call(g.port, "POST", "/v1/echo", json={}), 503, 14)


def test_control_plane_that_is_absent_is_503(start, tmp_path):
    bootstrap = tmp_path / "bootstrap.json"
    bootstrap.write_text(json.dumps({
        "xds_servers": [{"server_uri": f"127.0.0.1:{free_port()}",
                         "channel_creds": [{"type": "insecure"}]}],
        "node": {"id": "postern"}}))
    g = start(None, cluster(target="xds:///models"), env={"GRPC_XDS_BOOTSTRAP": str(bootstrap)})
    answer = h1.call(g.port, "POST", "/v1/echo", json={}, headers={"Grpc-Timeout": "15S"})
    assert_error(answer, 503, 14)


def test_reload_under_load_and_end(core, backend):
    through = core(args=["--workers", "2"], endpoints=[backend.target])
    failed, stop = [], threading.Event()

    def run():
        while not stop.is_set():
            answer = h1.call(through.port, "POST", "/v1/echo", json={"text": "x"})
            if answer.status != 200:
                failed.append(answer)
    threads = [threading.Thread(target=run) for _ in range(4)]
    for t in threads:
        t.start()
    for connect_timeout in "4s", "3s", "2s":
        time.sleep(0.3)
        through.write_config(cluster(endpoints=[backend.target], transport="GRPC_CORE",
                                     connect_timeout=connect_timeout))
        through.signal(1)
    time.sleep(0.3)
    stop.set()
    for t in threads:
        t.join()
    assert not failed


def test_stream_that_fails_midway_is_seen(through):
    answer = h1.call(through.port, "POST", "/v1/echo:stream",
                     headers=[("Accept", "text/event-stream")],
                     json={"count": 2, "endCode": "DATA_LOSS", "endMessage": "lost"})
    assert answer.text.count("data:") >= 3 and "lost" in answer.text
