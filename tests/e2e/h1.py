"""An HTTP/1.1 client that hides nothing: exact bytes out, exact bytes in.

    with h1.Connection(port) as c:
        c.send(h1.request("POST", "/v1/echo", json={"text": "hi"}))
        answer = c.response()
        assert answer.status == 200 and answer.clean
"""
import json as json_module
import select
import socket

TIMEOUT = 30  # what no answer takes: a sanitizer's megabytes on a busy machine are slow


class Closed(Exception):
    """The peer ended the connection where more was due; `got` is what had come of the item."""

    def __init__(self, got=b""):
        super().__init__(f"connection closed after {got[:200]!r}")
        self.got = got


class Response:
    def __init__(self, version, status, reason, headers):
        self.version, self.status, self.reason, self.headers = version, status, reason, headers
        self.body, self.interim = b"", []
        self.clean = False      # the body ended as its framing says it must

    def all(self, name):
        return [v for k, v in self.headers if k == name.lower()]

    def header(self, name, default=None):
        return next(iter(self.all(name)), default)

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        return json_module.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.headers} {self.body[:300]!r}{'' if self.clean else ' CUT'}>"


def request(method, target, body=None, json=None, headers=(), host="gateway", version="HTTP/1.1"):
    """The bytes of one request. Header values may be bytes; a body gets its content-length."""
    headers = list(headers.items() if isinstance(headers, dict) else headers)
    names = {k.lower() for k, _ in headers}
    if json is not None:
        body = json_module.dumps(json).encode()
    if body is not None:
        body = body.encode() if isinstance(body, str) else body
        if "content-type" not in names:
            headers.append(("Content-Type", "application/json"))
        if not names & {"content-length", "transfer-encoding"}:
            headers.append(("Content-Length", str(len(body))))
    out = f"{method} {target} {version}\r\n".encode()
    if host is not None and "host" not in names:
        out += f"Host: {host}\r\n".encode()
    for k, v in headers:
        out += k.encode() + b": " + (v if isinstance(v, bytes) else str(v).encode()) + b"\r\n"
    return out + b"\r\n" + (body or b"")


def chunked(*pieces):
    return b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"


class Connection:
    def __init__(self, port, timeout=TIMEOUT, receive_buffer=None):
        self.sock = socket.socket()
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(timeout)
        self.sock.connect(("127.0.0.1", port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer, self.ended = b"", False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def abort(self):
        """RST instead of FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def try_send(self, data):
        """For requests that the peer may refuse before it has read them."""
        try:
            self.sock.sendall(data)
            return True
        except (ConnectionError, socket.timeout):
            return False

    def _more(self):
        """False at the end of the stream."""
        if self.ended:
            return False
        try:
            piece = self.sock.recv(65536)
        except ConnectionError:
            piece = b""
        self.buffer += piece
        self.ended = not piece
        return bool(piece)

    def until(self, mark):
        while mark not in self.buffer:
            if not self._more():
                raise Closed(self.buffer)
        out, self.buffer = self.buffer.split(mark, 1)
        return out

    def exactly(self, n):
        while len(self.buffer) < n:
            if not self._more():
                raise Closed(self.buffer)
        out, self.buffer = self.buffer[:n], self.buffer[n:]
        return out

    def rest(self):
        while self._more():
            pass
        out, self.buffer = self.buffer, b""
        return out

    def at_end(self, timeout=3):
        """The peer has closed, and nothing more came."""
        self.sock.settimeout(timeout)
        try:
            return not self.buffer and not self._more()
        except socket.timeout:
            return False

    def silent(self, seconds):
        """Nothing comes for that long."""
        return not self.buffer and not select.select([self.sock], [], [], seconds)[0]

    def head(self):
        """Status line and headers, strictly: CRLF, one space, tokens."""
        lines = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        version, status, reason = lines[0].split(" ", 2)
        assert version in ("HTTP/1.0", "HTTP/1.1") and len(status) == 3, lines[0]
        headers = []
        for line in lines[1:]:
            name, value = line.split(":", 1)
            assert name and name == name.strip() and "\n" not in line and "\r" not in line, line
            headers.append((name.lower(), value.strip()))
        return Response(version, int(status), reason, headers)

    def final_head(self):
        interim = []
        while True:
            r = self.head()
            if r.status >= 200 or r.status == 101:
                r.interim = interim
                return r
            interim.append(r)

    def response(self, method="GET"):
        """A whole answer. A body that is cut off gives what came, with clean == False."""
        r = self.final_head()
        reader = BodyReader(self, r, method)
        r.body = reader.rest()
        r.clean = reader.clean
        return r

    def open(self, method="GET"):
        """The head of an answer, and a reader for its body as it comes."""
        r = self.final_head()
        return r, BodyReader(self, r, method)


class BodyReader:
    """some() gives the next piece as it comes, b"" at the end; then `clean` says how it ended."""

    def __init__(self, connection, head, method):
        self.c, self.clean, self.done = connection, False, False
        self.pending = b""
        coding = head.header("transfer-encoding")
        lengths = head.all("content-length")
        assert len(lengths) <= 1 and not (lengths and coding), f"framing of the answer: {head}"
        assert coding in (None, "chunked"), f"framing of the answer: {head}"
        if method == "HEAD" or head.status in (204, 304):
            self._pieces = iter(())
            self.clean = True
        elif coding:
            self._pieces = self._chunks()
        elif lengths:
            self._pieces = self._sized(int(lengths[0]))
        else:
            self._pieces = self._to_end()

    def _chunks(self):
        while True:
            size = int(self.c.until(b"\r\n").split(b";")[0], 16)
            if size == 0:
                trailers = self.c.until(b"\r\n")
                assert trailers == b"", trailers
                self.clean = True
                return
            data = self.c.exactly(size)
            assert self.c.exactly(2) == b"\r\n"
            yield data

    def _sized(self, left):
        while left:
            if not self.c.buffer and not self.c._more():
                raise Closed()
            piece = self.c.exactly(min(left, len(self.c.buffer)))
            left -= len(piece)
            yield piece
        self.clean = True

    def _to_end(self):
        while self.c.buffer or self.c._more():
            yield self.c.exactly(len(self.c.buffer))
        self.clean = True

    def some(self):
        if self.pending:
            out, self.pending = self.pending, b""
            return out
        try:
            return next(self._pieces, b"")
        except Closed as e:
            self._pieces = iter(())
            return e.got

    def until(self, mark):
        """Up to and with `mark`; b"" plus what came when the body ended before."""
        while mark not in self.pending:
            held, self.pending = self.pending, b""
            piece = self.some()
            self.pending = held + piece
            if not piece:
                out, self.pending = self.pending, b""
                return out
        at = self.pending.index(mark) + len(mark)
        out, self.pending = self.pending[:at], self.pending[at:]
        return out

    def rest(self):
        out = b""
        while True:
            piece = self.some()
            if not piece:
                return out
            out += piece


def call(port, method, target, timeout=TIMEOUT, **parts):
    """One request on a connection of its own."""
    with Connection(port, timeout) as c:
        c.send(request(method, target, **parts))
        return c.response(method)
