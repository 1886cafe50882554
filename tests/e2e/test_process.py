"""The running program: signals, reload, admin pages, access log, footprint."""
import json
import os
import re
import signal
import socket
import threading
import time

import pytest

import h1
import h2peer
from harness import eventually


# ---- signals ----

def test_term_lets_calls_in_flight_end(start, backend):
    g = start(backend.target)
    with h1.Connection(g.port) as c, h1.Connection(g.port) as idle:
        c.send(h1.request("POST", "/v1/sleep", json={"duration": "0.600s"}))
        assert eventually(lambda: backend.calls)
        g.signal(signal.SIGTERM)
        time.sleep(0.15)
        with socket.socket() as s:
            assert s.connect_ex(("127.0.0.1", g.port)) != 0, "still listening"
        assert idle.at_end(1), "an idle connection is kept"
        answer = c.response()
        assert answer.json == {"slept": "0.600s"}
        assert answer.header("connection", "").lower() == "close"
        assert g.wait(3) == 0


def test_term_lets_streams_in_flight_end(start, backend):
    g = start(backend.target)
    with h1.Connection(g.port) as c:
        c.send(h1.request("POST", "/v1/echo:stream", json={"count": 5, "intervalMs": 100}))
        _, body = c.open()
        body.until(b"}")
        g.signal(signal.SIGTERM)
        body.rest()
        assert body.clean and g.wait(3) == 0


def test_after_the_grace_period_the_rest_is_cut(start, backend):
    g = start(backend.target, {"grace_period": "300ms"})
    with h1.Connection(g.port) as c:
        c.send(h1.request("POST", "/v1/sleep", json={"duration": "8s"}))
        assert eventually(lambda: backend.calls)
        began = time.monotonic()
        g.signal(signal.SIGTERM)
        assert g.wait(5) == 0
        assert 0.2 < time.monotonic() - began < 1.5
    assert backend.calls[0].ended.wait(1)


def test_int_is_as_term(start, backend):
    g = start(backend.target)
    g.signal(signal.SIGINT)
    assert g.wait(5) == 0


def test_readyz_says_when_it_drains(start, backend):
    g = start(backend.target)
    with h1.Connection(g.port) as c:
        c.send(h1.request("POST", "/v1/sleep", json={"duration": "0.500s"}))
        assert eventually(lambda: backend.calls)
        g.signal(signal.SIGTERM)
        time.sleep(0.1)
        try:
            assert h1.call(g.admin, "GET", "/readyz").status == 503
        except ConnectionError:
            pass                            # a closed admin listener says it as well
        assert c.response().status == 200


def test_hup_takes_the_new_configuration_under_load(start, backend):
    g = start(backend.target)
    failures, count, stop = [], [0], threading.Event()

    def load():
        with h1.Connection(g.port) as c:
            while not stop.is_set():
                c.send(h1.request("POST", "/v1/echo", json={"text": "x"}))
                answer = c.response()
                count[0] += 1
                if answer.status != 200 or answer.json != {"text": "x"}:
                    failures.append(answer)
    threads = [threading.Thread(target=load) for _ in range(3)]
    for t in threads:
        t.start()
    for i in range(8):
        g.write_config({"http": [{"selector": "demo.v1.Echo.Fail", "post": f"/fail{i}",
                                  "body": "*"}]})
        g.signal(signal.SIGHUP)
        assert eventually(lambda: h1.call(g.port, "POST", f"/fail{i}", json={}).status == 200), i
    stop.set()
    for t in threads:
        t.join()
    assert not failures and count[0] > 20, failures
    assert h1.call(g.port, "POST", "/fail0", json={}).status == 404


def test_hup_takes_new_descriptors(start, backend, sets, tmp_path):
    pb = tmp_path / "api.pb"
    pb.write_bytes(sets["echo"].read_bytes())
    g = start(backend.target, descriptors=pb)
    assert h1.call(g.port, "GET", "/v1/models/m").status == 404
    pb.write_bytes(sets["demo"].read_bytes())
    g.signal(signal.SIGHUP)
    assert eventually(lambda: h1.call(g.port, "GET", "/v1/models/m").status == 200)


@pytest.mark.parametrize("bad", ["nonsense: 1\n", "upstream: [\n", "upstream: nowhere\n"])
def test_hup_with_a_bad_configuration_keeps_the_old(start, backend, bad):
    g = start(backend.target if "upstream" not in bad else None,
              {"upstream": backend.target} if "upstream" in bad else None)
    g.write_config(bad)
    g.signal(signal.SIGHUP)
    assert eventually(lambda: "postern.yaml:" in g.stderr(), 3), g.stderr()
    assert h1.call(g.port, "POST", "/v1/echo", json={"id": 1}).json == {"id": "1"}


def test_hup_lets_calls_of_the_old_configuration_end(start, backend):
    g = start(backend.target)
    with h1.Connection(g.port) as c:
        c.send(h1.request("POST", "/v1/sleep", json={"duration": "0.500s"}))
        assert eventually(lambda: backend.calls)
        g.signal(signal.SIGHUP)
        assert c.response().json == {"slept": "0.500s"}


def test_hup_opens_the_access_log_again(start, backend):
    g = start(backend.target)
    h1.call(g.port, "GET", "/v1/models/one")
    g.logged(1)
    os.rename(g.log, str(g.log) + ".1")
    g.signal(signal.SIGHUP)
    assert eventually(g.log.exists)
    h1.call(g.port, "GET", "/v1/models/two")
    assert g.logged(1)[0]["target"] == "/v1/models/two"


# ---- admin ----

def test_healthz_and_readyz(gateway, backend):
    assert h1.call(gateway.admin, "GET", "/healthz").status == 200
    assert eventually(lambda: h1.call(gateway.admin, "GET", "/readyz").status == 200, 3)
    assert h1.call(gateway.admin, "GET", "/nope").status == 404
    assert h1.call(gateway.admin, "POST", "/healthz").status == 405


def test_the_admin_pages_are_not_on_the_public_port(gateway):
    for page in "/healthz", "/readyz", "/metrics", "/config":
        assert h1.call(gateway.port, "GET", page).status == 404


def test_config_shows_what_is_in_effect(start, backend):
    g = start(backend.target, {"bounds": {"json_depth": 17}})
    text = h1.call(g.admin, "GET", "/config").text
    assert "17" in text and str(g.port) in text and json.loads(text)


def test_metrics_count_by_method_and_status(start, backend):
    g = start(backend.target)
    for _ in range(3):
        h1.call(g.port, "POST", "/v1/echo", json={})
    h1.call(g.port, "POST", "/v1/echo", body="{")
    h1.call(g.port, "POST", "/v1/fail", json={"code": 5})
    h1.call(g.port, "GET", "/nowhere")
    g.logged(6)                             # the last one is counted when its answer is out
    answer = h1.call(g.admin, "GET", "/metrics")
    assert answer.header("content-type").startswith("text/plain"), answer

    def value(*labels):
        lines = [x for x in answer.text.splitlines() if x.startswith("postern_requests_total{")
                 and all(label in x for label in labels)]
        return sum(float(x.rsplit(" ", 1)[1]) for x in lines)
    assert value('Echo/Echo"', 'status="200"') + value('Echo.Echo"', 'status="200"') == 3
    assert value('status="400"') == 1 and value('status="404"') == 2
    assert value('status="404"', 'code="NOT_FOUND"') == 2
    for name in "postern_request_duration_seconds", "postern_upstream_duration_seconds":
        assert re.search(rf"^{name}_bucket\{{.*le=\"\+Inf\"\}} \d", answer.text, re.M), name
        assert f"# TYPE {name} histogram" in answer.text
    check_prometheus(answer.text)


def check_prometheus(text):
    """Each sample well formed, each metric's lines together, TYPE before its samples."""
    seen, current = set(), None
    for line in text.splitlines():
        if line.startswith("#"):
            _, kind, name = line.split(" ", 3)[:3]
            assert kind in ("HELP", "TYPE"), line
        else:
            m = re.fullmatch(r'([a-z_:]+)(\{(?:[a-z_]+="(?:[^"\\]|\\.)*",?)*\})? [-+0-9.eE]+', line)
            assert m, line
            name = re.sub(r"_(bucket|sum|count)$", "", m[1])
        if name != current:
            assert name not in seen, f"{name} comes in two places"
            seen.add(name)
            current = name


# ---- access log ----

def test_each_request_has_one_line_that_tells_all(start, backend):
    g = start(backend.target)
    with h1.Connection(g.port) as c:
        c.send(h1.request("POST", "/v1/fail", json={"code": 5, "delayMs": 60},
                          headers={"x-request-id": "r-1"}))
        answer = c.response()
    line = g.logged(1)[0]
    assert line["request_id"] == "r-1" and line["method"] == "POST"
    assert line["target"] == "/v1/fail" and line["route"] == "/v1/fail"
    assert line["rpc"].replace("/", ".") == "demo.v1.Echo.Fail"
    assert line["status"] == 404 and line["grpc_status"] == "NOT_FOUND"
    assert line["bytes_in"] == len(json.dumps({"code": 5, "delayMs": 60}))
    assert line["bytes_out"] == len(answer.body)
    assert 60 <= line["upstream_ms"] <= line["total_ms"] < 1000
    assert 0 < line["own_ms"] < line["total_ms"] - 50
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$", line["time"]), line
    assert line["client"].startswith("127.0.0.1")


def test_refusals_are_logged_too(start, backend):
    g = start(backend.target)
    for target, body in ("/nowhere", b"{}"), ("/v1/echo", b"{"), ("/v1/\"\\echo\x7f", b"{}"):
        h1.call(g.port, "POST", target, body=body)
    h1.call(g.port, "GET", "/v1/models/" + "a" * 8300)
    assert [x["status"] for x in g.logged(4)] == [404, 400, 404, 414] or \
        [x["status"] for x in g.logged(4)] == [404, 400, 400, 414]


def test_own_time_is_told_for_streams_and_refusals_and_is_no_waiting(start, backend):
    g = start(backend.target)
    paced = {"count": 4, "intervalMs": 30}
    assert h1.call(g.port, "POST", "/v1/echo:stream", json=paced).status == 200
    assert h1.call(g.port, "GET", "/" + "a" * 8300).status == 414
    assert h1.call(g.port, "POST", "/v1/echo", body=b"{").status == 400
    stream, *refused = g.logged(3)
    assert 0 < stream["own_ms"] < 20 < stream["upstream_ms"] <= stream["total_ms"]
    for line in refused:
        assert 0 < line["own_ms"] <= line["total_ms"] and not line.get("upstream_ms"), line
    metrics = h1.call(g.admin, "GET", "/metrics").text
    assert re.search(r"own.*_sum\{[^}]*EchoStream[^}]*\} 0\.\d*[1-9]", metrics), metrics


def test_a_secret_is_not_logged(start, backend):
    g = start(backend.target)
    h1.call(g.port, "POST", "/v1/echo", json={"text": "s3cret"},
            headers={"Authorization": "Bearer s3cret"})
    g.logged(1)
    assert "s3cret" not in g.log.read_text() and "s3cret" not in g.stderr()


# ---- footprint ----

def test_it_is_small_at_rest_and_ready_at_once(start, backend):
    began = time.monotonic()
    g = start(backend.target)
    ready = time.monotonic() - began
    h1.call(g.port, "POST", "/v1/echo", json={})
    assert ready < 1                        # 50 ms are measured by the bench, on a quiet machine
    assert g.rss_kib() <= 15 << 10, g.rss_kib()


def idle(c):
    c.send(h1.request("GET", "/nowhere"))
    assert c.response().status == 404


def in_its_head(c):
    c.send(h1.request("POST", "/v1/echo", json={})[:-4])


def waiting(c):
    c.send(h1.request("POST", "/v1/echo", json={}))


@pytest.mark.parametrize("become", [idle, in_its_head, waiting])
def test_a_thousand_quiet_clients_cost_16_kib_each_and_no_time(start, become):
    with h2peer.Peer(lambda c, r: None) as peer:
        # Memory of idle ones may be given back a little later, but within their header deadline.
        g = start(peer.target, {"bounds": {"header_deadline": "1s"}} if become == idle else None)
        h1.call(g.port, "GET", "/nowhere")
        before, conns = g.rss_kib(), [h1.Connection(g.port) for _ in range(1000)]
        for c in conns:
            become(c)
        eventually(lambda: g.rss_kib() - before < 16000, 3, 0.2)
        grown, cpu = g.rss_kib() - before, g.cpu_seconds()
        time.sleep(0.5)
        assert g.cpu_seconds() - cpu < 0.1, "they are not quiet in here"
        for c in conns:
            c.close()
        assert grown <= 16 * 1000 + 2000, f"{grown} KiB"
        assert h1.call(g.port, "GET", "/nowhere").status == 404
