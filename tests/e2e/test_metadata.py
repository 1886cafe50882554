"""Headers that travel on as gRPC metadata, and back."""
import base64

import pytest

import h1
import h2peer
from demo import ECHO
from harness import assert_error, violations


def arrived(call, backend, headers):
    answer = call("POST", "/v1/echo", json={}, headers=headers)
    assert answer.status == 200, answer
    return backend.calls[-1]


# header -> metadata that must arrive
PASSED = {
    "a plain header": ([("X-Tenant", "Blue")], [("x-tenant", "Blue")]),
    "duplicates in order": ([("x-a", "1"), ("x-b", "2"), ("x-a", "3")],
                            [("x-a", "1"), ("x-a", "3"), ("x-b", "2")]),
    "authorization": ([("Authorization", "Bearer t")], [("authorization", "Bearer t")]),
    "a prefixed one": ([("Grpc-Metadata-X-Key", "v")], [("x-key", "v")]),
    "a binary one": ([("x-b-bin", "AAH/")], [("x-b-bin", b"\x00\x01\xff")]),
    "a binary one without padding": ([("x-b-bin", "AAE")], [("x-b-bin", b"\x00\x01")]),
    "several binary ones in a line": ([("x-b-bin", "AAE, Ag==")],
                                      [("x-b-bin", b"\x00\x01"), ("x-b-bin", b"\x02")]),
    "a prefixed binary one": ([("grpc-metadata-b-bin", "/w==")], [("b-bin", b"\xff")]),
    "dots and dashes": ([("x.y-z", "v")], [("x.y-z", "v")]),
    "inner spaces and punctuation": ([("x-p", 'a b,c;d="e"')], [("x-p", 'a b,c;d="e"')]),
    "the client's program": ([("User-Agent", "curl/8")], [("x-forwarded-user-agent", "curl/8")]),
}


@pytest.mark.parametrize("case", PASSED)
def test_headers_arrive_as_metadata(call, backend, case):
    headers, expected = PASSED[case]
    seen = arrived(call, backend, headers)
    for key in {k for k, _ in expected}:
        assert seen.values(key) == [v for k, v in expected if k == key], seen.metadata


@pytest.mark.parametrize("headers", [
    [("Connection", "keep-alive, X-Hop"), ("X-Hop", "v")], [("Keep-Alive", "5")], [("TE", "gzip")],
    [("Upgrade", "h2c"), ("Connection", "upgrade")], [("Proxy-Connection", "close")],
    [("Proxy-Authorization", "Basic eA==")], [("Content-Encoding", "identity")],
    [("Content-Language", "en")], [("Accept-Encoding", "gzip")], [("Expect", "100-continue")],
    [("grpc-encoding", "gzip")], [("grpc-status", "0")], [("grpc-message", "m")],
    [("grpc-accept-encoding", "gzip")],
    [("Connection", "keep-alive, grpc-metadata-te"), ("Grpc-Metadata-Te", "evil")],
], ids=lambda h: h[-1][0])
def test_what_belongs_to_the_hop_or_to_grpc_itself_stays_behind(call, backend, headers):
    plain = {k for k, _ in arrived(call, backend, []).metadata}
    seen = arrived(call, backend, headers)
    assert {k for k, _ in seen.metadata} <= plain, seen.metadata
    assert "evil" not in [v for _, v in seen.metadata]


def test_content_and_host_are_no_metadata(call, backend):
    seen = arrived(call, backend, [("Host", "evil.example")])
    keys = {k for k, _ in seen.metadata}
    assert not keys & {"host", "content-length", "connection", "transfer-encoding"}, keys
    assert seen.values("content-type") in ([], ["application/grpc"])
    assert "evil.example" not in [v for _, v in seen.metadata]


@pytest.mark.parametrize("name, value", [
    ("x-b-bin", "*"), ("x-b-bin", "A"), ("grpc-metadata-b-bin", "%%"), ("x_user", "v"),
    ("x-high", b"\xfc"), ("x-a!", "v"), ("a~b", ""), ("grpc-metadata-", "v"), ("grpc-metadata-a!", "v"),
    ("grpc-metadata-grpc-status", "5"), ("grpc-metadata-host", "evil"),
    ("grpc-metadata-content-type", "evil"), ("grpc-metadata-connection", "evil"),
    ("grpc-metadata-te", "evil"), ("grpc-metadata-x-request-id", "evil")])
def test_a_header_that_metadata_cannot_carry_is_400_and_named(call, backend, name, value):
    answer = call("POST", "/v1/echo", json={}, headers=[(name, value)])
    assert_error(answer, 400, 3)
    assert [field for field, _ in violations(answer)] == [f'headers["{name}"]']
    assert not backend.calls


# ---- back ----

def answering(backend, initial=(), trailing=()):
    def does(call):
        if initial:
            call.context.send_initial_metadata(tuple(initial))
        call.context.set_trailing_metadata(tuple(trailing))
        return call.request
    backend.does[ECHO] = does


def test_initial_metadata_and_trailers_come_back_as_headers(call, backend):
    answering(backend, [("x-first", "1"), ("x-b-bin", b"\x00\xff"), ("x-two", "a"), ("x-two", "b")],
              [("x-last", "2"), ("x-t-bin", b"\x01")])
    answer = call("POST", "/v1/echo", json={})
    assert answer.header("x-first") == "1" and answer.header("x-last") == "2", answer
    assert ",".join(answer.all("x-two")).replace(" ", "") == "a,b", answer
    for name, value in ("x-b-bin", b"\x00\xff"), ("x-t-bin", b"\x01"):
        text = answer.header(name)
        assert base64.b64decode(text + "=" * (-len(text) % 4)) == value, answer


def test_trailers_of_an_error_come_back_as_headers(call):
    answer = call("POST", "/v1/fail", json={"code": 5, "trailers": {"x-why": "x", "y-bin": "AAE="}})
    assert_error(answer, 404, 5)
    assert answer.header("x-why") == "x" and answer.header("y-bin").rstrip("=") == "AAE"


@pytest.mark.parametrize("name, value", [
    ("set-cookie", "a=b"), ("content-length", "3"), ("connection", "close"), ("alt-svc", "h2"),
    ("transfer-encoding", "chunked"), ("content-encoding", "gzip"), ("upgrade", "h2c"),
    ("date", "Thu, 01 Jan 1970 00:00:00 GMT"), ("content-location", "/x"), ("trailer", "x")])
def test_a_backend_cannot_set_what_frames_or_binds_the_answer(call, backend, name, value):
    try:
        answering(backend, [], [(name, value)])
        answer = call("POST", "/v1/echo", json={"text": "x"})
    finally:
        backend.reset()
    # gRPC itself may refuse some of these names; then the call fails, in good form.
    if answer.status == 200:
        assert answer.json == {"text": "x"} and value not in answer.all(name), answer
    else:
        assert_error(answer, (500, 502, 503))


def test_no_grpc_internals_come_back(call):
    answer = call("POST", "/v1/fail", json={"code": 5, "message": "m", "withErrorInfo": True})
    assert not [k for k, _ in answer.headers if k.startswith("grpc-")], answer


# ---- request id ----

def test_the_clients_request_id_is_kept_everywhere(call, gateway, backend):
    seen = arrived(call, backend, {"X-Request-Id": "abc-123"})
    assert seen.values("x-request-id") == ["abc-123"]
    answer = call("POST", "/v1/echo", json={}, headers={"X-Request-Id": "abc-124"})
    assert answer.header("x-request-id") == "abc-124"
    gateway.logged(where=lambda line: line["request_id"] == "abc-124")


def test_each_request_without_an_id_gets_one_of_its_own(call, gateway, backend):
    ids = [call("POST", "/v1/echo", json={}).header("x-request-id") for _ in range(3)]
    assert len(set(ids)) == 3 and all(ids)
    assert {c.values("x-request-id")[0] for c in backend.calls} == set(ids)
    gateway.logged(3, lambda line: line["request_id"] in ids)


@pytest.mark.parametrize("bad", ["", "a" * 2000, "a b\tc", "a\"b\\c"])
def test_an_unfit_request_id_does_no_harm(call, gateway, backend, bad):
    answer = call("POST", "/v1/echo", json={}, headers={"X-Request-Id": bad})
    assert answer.status in (200, 400), answer
    gateway.log_lines()


def test_an_error_has_a_request_id_too(call):
    assert call("GET", "/nowhere").header("x-request-id")
    assert call("GET", "/nowhere", headers={"X-Request-Id": "q1"}).header("x-request-id") == "q1"


def test_the_call_itself_is_a_proper_grpc_request(start, tmp_path):
    with h2peer.Peer(h2peer.echoes) as peer:
        g = start(peer.target)
        answer = h1.call(g.port, "POST", "/v1/echo", json={"text": "x"},
                         headers={"grpc-timeout": "5S", "x-a": "1"})
        assert answer.json == {"text": "x"}, answer
        request = peer.calls[0]
        names = [k for k, _ in request.headers]
        assert names.index("x-a") > max(i for i, k in enumerate(names) if k.startswith(":"))
        assert request.header(":method") == "POST" and request.header(":scheme") == "http"
        assert request.header(":path") == ECHO and request.header(":authority") == peer.target
        assert request.header("te") == "trailers"
        assert request.header("content-type") in ("application/grpc", "application/grpc+proto")
        assert request.header("user-agent").startswith("postern")
        assert request.header("grpc-timeout")[:-1].isdigit()
        assert request.data == h2peer.message(b"\x0a\x01x")
