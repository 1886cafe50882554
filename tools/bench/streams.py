"""Streams: how long until the first token is there, through a gateway and straight from the backend."""
import json
import socket
import statistics
import struct
import time

from gateways import HOST, BenchError

PATH, COUNT = "/v1/echo:stream", 200
TOKEN = {"text": " token"}
HEADERS = {"content-type": "application/json", "accept": "text/event-stream"}
WAIT_S = 5


def body(count, interval_ms=0):
    return json.dumps({"message": TOKEN, "count": count, "intervalMs": interval_ms}).encode()


def messages(answer):
    """The messages of an answer, which each gateway frames in its own way: events, lines or an array."""
    if answer.lstrip()[:1] == b"[":
        return json.loads(answer)
    lines = (line.removeprefix(b"data:").strip() for line in answer.splitlines())
    found = [json.loads(line) for line in lines if line]
    return [m.get("result", m) for m in found]  # grpc-gateway wraps each


def fault(answer, count):
    """None, or how the answer differs from the stream that was asked for."""
    try:
        got = messages(answer)
        texts = {m["text"] for m in got}
        ids = [int(m["id"]) for m in got]
    except (ValueError, KeyError, TypeError, AttributeError) as e:
        return f"is no such stream ({e!r}): {answer[:200]!r}"
    if texts == {TOKEN["text"]} and ids == list(range(1, count + 1)):
        return None
    return f"has {len(ids)} messages where {count} were due, or other ones: {answer[:200]!r}"


def field(number, wire, value):
    return bytes([number << 3 | wire]) + value


def grpc_request():
    """demo.v1.EchoStreamRequest with its prefix: one message, then none for ever."""
    token = TOKEN["text"].encode()
    message = field(1, 2, bytes([len(token)]) + token)
    request = field(1, 2, bytes([len(message)]) + message) + field(2, 0, b"\1") + field(3, 0, b"\1")
    return b"\0" + struct.pack(">I", len(request)) + request


def frame(kind, flags, stream, payload):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def h2_request():
    """HEADERS and DATA of the call, in HPACK's plain literals."""
    def text(s):
        return bytes([len(s)]) + s
    block = (b"\x83\x86" + b"\x04" + text(b"/demo.v1.Echo/EchoStream") + b"\x01" + text(HOST.encode()) +
             b"\x0f\x10" + text(b"application/grpc") + b"\x00" + text(b"te") + text(b"trailers"))
    return frame(1, 4, 1, block) + frame(0, 1, 1, grpc_request())


def until(link, found):
    """Reads until found(all that was read); the time then."""
    data = b""
    while not found(data):
        piece = link.recv(65536)
        if not piece:
            raise BenchError(f"a stream ended before its first message: {data[:200]!r}")
        data += piece
    return time.perf_counter()


def has_data_frame(data):
    at = 0
    while at + 9 <= len(data):
        size = int.from_bytes(data[at:at + 3], "big")
        if data[at + 3] == 0 and size:
            return at + 9 + size <= len(data)
        at += 9 + size
    return False


def first_direct(port):
    with socket.create_connection((HOST, port), timeout=WAIT_S) as link:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b"") + frame(4, 1, 0, b""))
        until(link, lambda data: len(data) >= 9)
        begin = time.perf_counter()
        link.sendall(h2_request())
        return until(link, has_data_frame) - begin


def first_through(port):
    payload = body(1, 1)
    head = f"POST {PATH} HTTP/1.1\r\nhost: {HOST}\r\ncontent-length: {len(payload)}\r\n"
    head += "".join(f"{k}: {v}\r\n" for k, v in HEADERS.items()) + "\r\n"
    with socket.create_connection((HOST, port), timeout=WAIT_S) as link:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        begin = time.perf_counter()
        link.sendall(head.encode() + payload)
        return until(link, lambda data: TOKEN["text"].encode() in data) - begin


def first_token(gateways, backend_port, tries):
    """Median microseconds until the first token: {name: ...}, "direct" being the backend alone. Gateways that
    keep the first message until the second comes are left out."""
    ways = {"direct": lambda: first_direct(backend_port),
            **{g.name: lambda g=g: first_through(g.port) for g in gateways}}
    seen = {name: [] for name in ways}
    for _ in range(tries):
        for name, way in list(ways.items()):
            try:
                seen[name].append(way() * 1e6)
            except TimeoutError:
                del ways[name], seen[name]
    return {name: round(statistics.median(times), 1) for name, times in seen.items()}
