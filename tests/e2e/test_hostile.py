"""HTTP/1.1 as it must not be: refused with the right status, never understood as something else."""
import socket

import pytest

import h1
from harness import assert_error

MARK = "smuggled"
# What would come to light as an RPC of its own if framing were read differently.
NEXT = f"GET /v1/models/{MARK} HTTP/1.1\r\nHost: g\r\n\r\n".encode()
POST = b"POST /v1/echo HTTP/1.1\r\nHost: g\r\nContent-Type: application/json\r\n"
GET = b"GET /v1/models/m HTTP/1.1\r\nHost: g\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

REFUSED = {
    # which length counts
    "length and chunks": POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n"
                                b"2\r\n{}\r\n0\r\n\r\n",
    "chunks and length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n"
                                b"2\r\n{}\r\n0\r\n\r\n",
    "two lengths that differ": POST + b"Content-Length: 2\r\nContent-Length: 60\r\n\r\n{}",
    "a list of lengths that differ": POST + b"Content-Length: 2, 60\r\n\r\n{}",
    "a length with a sign": POST + b"Content-Length: +2\r\n\r\n{}",
    "a negative length": POST + b"Content-Length: -2\r\n\r\n{}",
    "a length in hex": POST + b"Content-Length: 0x2\r\n\r\n{}",
    "an empty length": POST + b"Content-Length: \r\n\r\n{}",
    "a length with junk": POST + b"Content-Length: 2 2\r\n\r\n{}",
    "a space before the colon": POST + b"Content-Length : 2\r\n\r\n{}",
    "a coding nobody knows": POST + b"Transfer-Encoding: xchunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "identity": POST + b"Transfer-Encoding: identity\r\n\r\n{}",
    "gzip before chunked": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "chunked not last": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "two codings": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n"
                          b"2\r\n{}\r\n0\r\n\r\n",
    "chunked twice": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"
                            b"2\r\n{}\r\n0\r\n\r\n",
    "a quoted coding": POST + b'Transfer-Encoding: "chunked"\r\n\r\n2\r\n{}\r\n0\r\n\r\n',
    "chunks in HTTP/1.0": POST.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n"
                                                          b"2\r\n{}\r\n0\r\n\r\n",
    "chunked with a parameter": POST + b"Transfer-Encoding: chunked;q=1\r\n\r\n"
                                       b"2\r\n{}\r\n0\r\n\r\n",
    "chunked behind a vertical tab": POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n"
                                            b"2\r\n{}\r\n0\r\n\r\n",
    "an empty coding before chunked": POST + b"Transfer-Encoding: ,chunked\r\n\r\n"
                                             b"2\r\n{}\r\n0\r\n\r\n",
    "an empty coding behind chunked": POST + b"Transfer-Encoding: chunked,\r\n\r\n"
                                             b"2\r\n{}\r\n0\r\n\r\n",
    "one length in two spellings": POST + b"Content-Length: 2\r\nContent-Length: 02\r\n\r\n{}",
    # chunks
    "a chunk size ended by LF": CHUNKED + b"2\n{}\r\n0\r\n\r\n",
    "a chunk extension ended by LF": CHUNKED + b"2;\n{}\r\n0\r\n\r\n",
    "chunk data ended by LF": CHUNKED + b"2\r\n{}\n0\r\n\r\n",
    "chunk data longer than said": CHUNKED + b"1\r\n{}\r\n0\r\n\r\n",
    "a chunk size in 0x": CHUNKED + b"0x2\r\n{}\r\n0\r\n\r\n",
    "a negative chunk size": CHUNKED + b"-1\r\n{}\r\n0\r\n\r\n",
    "an empty chunk size": CHUNKED + b"\r\n{}\r\n0\r\n\r\n",
    "a chunk size with a sign": CHUNKED + b"+2\r\n{}\r\n0\r\n\r\n",
    "a space before a chunk size": CHUNKED + b" 2\r\n{}\r\n0\r\n\r\n",
    "a chunk size beyond 64 bits": CHUNKED + b"10000000000000002\r\n{}\r\n0\r\n\r\n",
    "a space behind a chunk size": CHUNKED + b"2 \r\n{}\r\n0\r\n\r\n",
    "an underscore in a chunk size": CHUNKED + b"0_2\r\n{}\r\n0\r\n\r\n",
    "a bare CR in a chunk extension": CHUNKED + b"2;a\rb\r\n{}\r\n0\r\n\r\n",
    "the last chunk ended by LF": CHUNKED + b"2\r\n{}\r\n0\n\r\n",
    "the body ended by LF": CHUNKED + b"2\r\n{}\r\n0\r\n\n",
    "a trailer ended by LF": CHUNKED + b"2\r\n{}\r\n0\r\nX: a\n\r\n",
    "a folded trailer": CHUNKED + b"2\r\n{}\r\n0\r\nX: a\r\n b\r\n\r\n",
    # the head's lines
    "a folded header": GET + b"X-A: a\r\n b\r\n\r\n",
    "a folded header that names another": GET + b"X: admin\r\n -Auth-User\r\n\r\n",
    "a first header line after a space": b"GET /v1/models/m HTTP/1.1\r\n Host: g\r\n\r\n",
    "a header line ended by LF": GET + b"X-A: a\nX-B: b\r\n\r\n",
    "a head ended by LF": GET + b"X-A: a\n\n",
    "a bare CR in a value": GET + b"X-A: a\rX-B: b\r\n\r\n",
    "a bare CR for a line end": GET + b"X-A: a\r\r\n\r\n",
    "NUL in a value": GET + b"X-A: a\0b\r\n\r\n",
    "NUL in a name": GET + b"X-\0A: a\r\n\r\n",
    "a line that starts with NUL": GET + b"\0\r\nX-A: a\r\n\r\n",
    "no colon": GET + b"X-A\r\n\r\n",
    "an empty name": GET + b": a\r\n\r\n",
    "a space in a name": GET + b"X A: a\r\n\r\n",
    "a slash in a name": GET + b"X/A: a\r\n\r\n",
    # who is meant
    "no host": b"GET /v1/models/m HTTP/1.1\r\n\r\n",
    "two hosts": GET + b"Host: h\r\n\r\n",
    "two equal hosts": GET + b"Host: g\r\n\r\n",
    # the request line
    "two spaces": b"GET  /v1/models/m HTTP/1.1\r\nHost: g\r\n\r\n",
    "two spaces before the version": b"GET /v1/models/m  HTTP/1.1\r\nHost: g\r\n\r\n",
    "a space in the target": b"GET /v1/models/m n HTTP/1.1\r\nHost: g\r\n\r\n",
    "a tab for a space": b"GET\t/v1/models/m\tHTTP/1.1\r\nHost: g\r\n\r\n",
    "a space in front": b" GET /v1/models/m HTTP/1.1\r\nHost: g\r\n\r\n",
    "a request line ended by LF": b"GET /v1/models/m HTTP/1.1\nHost: g\r\n\r\n",
    "NUL in the target": b"GET /v1/models/m\0n HTTP/1.1\r\nHost: g\r\n\r\n",
    "lower case http": b"GET /v1/models/m http/1.1\r\nHost: g\r\n\r\n",
    "TLS on a plain port": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"a" * 64
                           + b"\r\n\r\n",
}
# Refused as well, but it is plain where the next request begins.
REFUSED_IN_STEP = {
    "a host with a space": b"GET /v1/models/m HTTP/1.1\r\nHost: a b\r\n\r\n",
    "a host with a user": b"GET /v1/models/m HTTP/1.1\r\nHost: a@b\r\n\r\n",
    "a host whose port is none": b"GET /v1/models/m HTTP/1.1\r\nHost: g:8x0\r\n\r\n",
    "a host with two ports": b"GET /v1/models/m HTTP/1.1\r\nHost: g:80:81\r\n\r\n",
    "a host with a path": b"GET /v1/models/m HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "a target of another host": b"GET http://evil/v1/models/m HTTP/1.1\r\nHost: g\r\n\r\n",
    "a target without a slash": b"GET v1/models/m HTTP/1.1\r\nHost: g\r\n\r\n",
    "a fragment": b"GET /v1/models/m#x HTTP/1.1\r\nHost: g\r\n\r\n",
    "bytes above 127 in the target": b"GET /v1/models/\xff HTTP/1.1\r\nHost: g\r\n\r\n",
}
# Framings that the RFC lets a server answer otherwise: (bytes, statuses)
OTHER = {
    "a length beyond 64 bits": (POST + b"Content-Length: 99999999999999999999\r\n\r\n{}",
                                (400, 413)),
    "a version to come": (b"GET /v1/models/m HTTP/2.0\r\nHost: g\r\n\r\n", (400, 505)),
    "version 1.7": (b"GET /v1/models/m HTTP/1.7\r\nHost: g\r\n\r\n", (400, 505)),
    "version 1.2": (b"GET /v1/models/m HTTP/1.2\r\nHost: g\r\n\r\n", (400, 505)),
    "version 0.9": (b"GET /v1/models/m HTTP/0.9\r\nHost: g\r\n\r\n", (400, 505)),
    "no version": (b"GET /v1/models/m\r\n\r\n", (400, 505)),
    "a control character in the method": (b"G\x01T /v1/models/m HTTP/1.1\r\nHost: g\r\n\r\n",
                                          (400, 501)),
    "a method of 300 bytes": (b"G" * 300 + b" /v1/models/m HTTP/1.1\r\nHost: g\r\n\r\n",
                              (400, 405, 501)),
    "an unknown method": (b"FROB /v1/echo HTTP/1.1\r\nHost: g\r\n\r\n", (405, 501)),
    "CONNECT": (b"CONNECT g:80 HTTP/1.1\r\nHost: g:80\r\n\r\n", (400, 405, 501)),
    "TRACE": (b"TRACE /v1/models/m HTTP/1.1\r\nHost: g\r\n\r\n", (400, 405, 501)),
    "an asterisk": (b"OPTIONS * HTTP/1.1\r\nHost: g\r\n\r\n", (400, 404, 405)),
    "an expectation nobody has": (POST + b"Expect: junk\r\nContent-Length: 2\r\n\r\n{}", (417,)),
    "dots in the path": (b"GET /v1/models/../models/m HTTP/1.1\r\nHost: g\r\n\r\n", (400, 404)),
    "coded dots in the path": (b"GET /v1/%2e%2e/m HTTP/1.1\r\nHost: g\r\n\r\n", (400, 404)),
    "an h2 preface is HTTP/2 or nothing": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (400, 505)),
}


def exchange(port, data):
    """All that comes back for `data`: parsed answers, and whether the peer closed."""
    with h1.Connection(port, timeout=0.7) as c:
        c.try_send(data)
        answers = []
        try:
            while True:
                answers.append(c.response("HEAD" if data.startswith(b"HEAD") else "GET"))
        except h1.Closed:
            return answers, True
        except socket.timeout:
            return answers, False


def smuggled(backend):
    return [c for c in backend.calls if MARK in str(c.request)]


@pytest.mark.parametrize("case", REFUSED)
def test_hostile_framing_is_400_and_closed(gateway, backend, case):
    answers, closed = exchange(gateway.port, REFUSED[case] + NEXT)
    assert not smuggled(backend), "what stood behind it was taken for a request"
    assert closed, answers
    assert len(answers) <= 1, answers
    if answers:
        assert answers[0].status in (400, 413, 501), answers
        assert answers[0].header("connection", "").lower() == "close", answers
    else:
        assert case.startswith(("TLS", "a bare CR", "NUL", "a line that starts with NUL", "a tab",
                                "a space in front")), "closed without an answer"
    assert not backend.calls


@pytest.mark.parametrize("case", REFUSED_IN_STEP)
def test_a_head_that_means_nobody_is_400(gateway, backend, case):
    answers, _ = exchange(gateway.port, REFUSED_IN_STEP[case])
    assert_error(answers[0], 400, 3)
    assert not backend.calls


@pytest.mark.parametrize("case", OTHER)
def test_odd_requests_get_one_of_their_statuses(gateway, backend, case):
    data, statuses = OTHER[case]
    answers, closed = exchange(gateway.port, data)
    if case.startswith("an h2 preface"):
        assert closed or not answers
        return
    assert answers and answers[0].status in statuses, answers
    assert not backend.calls


@pytest.mark.parametrize("case", ["no colon", "two lengths that differ", "no host"])
def test_a_refusal_of_the_front_has_the_one_shape_of_errors(gateway, case):
    answers, _ = exchange(gateway.port, REFUSED[case])
    assert_error(answers[0], 400, 3)


def test_equal_lengths_are_refused_or_one(gateway, backend):
    data = POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}" + NEXT
    answers, _ = exchange(gateway.port, data)
    assert answers[0].status in (200, 400)
    if answers[0].status == 200:                 # then the next one is in step
        assert len(answers) == 2 and len(backend.calls) == 2
    else:
        assert not backend.calls


@pytest.mark.parametrize("value", ["chunked ", "chunked\t", "Chunked"])
def test_a_coding_with_blanks_behind_or_in_another_case_is_chunked(gateway, backend, value):
    data = POST + f"Transfer-Encoding: {value}\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n".encode() + NEXT
    answers, _ = exchange(gateway.port, data)
    assert [a.status for a in answers] == [200, 200], answers
    assert len(smuggled(backend)) == 1           # this one is a request in its own right


def test_a_megabyte_of_empty_lines_is_cut_off(gateway):
    with h1.Connection(gateway.port, timeout=2) as c:
        c.try_send(b"\r\n" * (1 << 19))
        try:
            answer = c.response()
            assert answer.status == 400, answer
        except h1.Closed:
            pass
        c.try_send(GET + b"\r\n")
        assert c.at_end()


def test_chunks_of_one_byte_with_huge_extensions_are_cut_off(gateway, backend):
    piece = b"1;" + b"a" * 4000 + b"\r\n \r\n"
    with h1.Connection(gateway.port, timeout=5) as c:
        c.send(CHUNKED)
        sent = 0
        while sent < 32 << 20 and c.try_send(piece * 16):
            sent += len(piece) * 16
        assert sent < 32 << 20, "32 MiB for 8 KiB of body were read"
    assert not backend.calls


def test_an_upgrade_that_is_not_offered_is_ignored_or_refused(gateway, backend):
    for name in "h2c", "websocket":
        answers, _ = exchange(gateway.port, GET + f"Upgrade: {name}\r\nConnection: upgrade, close"
                              "\r\nHTTP2-Settings: AAMAAABk\r\n\r\n".encode())
        assert answers[0].status in (200, 400), answers


def test_the_gateway_is_well_after_all_this(gateway, backend):
    assert gateway.alive()
    assert h1.call(gateway.port, "POST", "/v1/echo", json={"id": "1"}).json == {"id": "1"}
