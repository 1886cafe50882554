"""A gRPC server made of raw HTTP/2 frames, for everything that a real one would never do.

Each request is handed to the next behaviour of a list, the last one serving all that follow:

    peer = Peer(lambda c, r: c.rst(r.stream, REFUSED_STREAM), answers(b"..."))

Header blocks go out as literals without indexing; what comes in is inflated by libnghttp2.
"""
import ctypes
import socket
import struct
import threading
import time

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, \
    CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITIZED = 1, 1, 4, 8, 32
NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT, STREAM_CLOSED, \
    FRAME_SIZE_ERROR, REFUSED_STREAM, CANCEL, COMPRESSION_ERROR, CONNECT_ERROR, \
    ENHANCE_YOUR_CALM, INADEQUATE_SECURITY, HTTP_1_1_REQUIRED = range(14)
MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE = 3, 4
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


class _Nv(ctypes.Structure):
    _fields_ = [("name", ctypes.POINTER(ctypes.c_uint8)), ("value", ctypes.POINTER(ctypes.c_uint8)),
                ("namelen", ctypes.c_size_t), ("valuelen", ctypes.c_size_t),
                ("flags", ctypes.c_uint8)]


class Inflater:
    def __init__(self):
        self.lib = ctypes.CDLL("libnghttp2.so.14")
        self.lib.nghttp2_hd_inflate_hd2.restype = ctypes.c_ssize_t
        self.state = ctypes.c_void_p()
        assert self.lib.nghttp2_hd_inflate_new(ctypes.byref(self.state)) == 0

    def headers(self, block):
        out, nv, flags = [], _Nv(), ctypes.c_int(0)
        while True:
            n = self.lib.nghttp2_hd_inflate_hd2(
                self.state, ctypes.byref(nv), ctypes.byref(flags), ctypes.c_char_p(block),
                ctypes.c_size_t(len(block)), ctypes.c_int(1))
            assert n >= 0, f"header block of the gateway does not inflate: {n}"
            block = block[n:]
            if flags.value & 2:
                out.append((ctypes.string_at(nv.name, nv.namelen).decode(),
                            ctypes.string_at(nv.value, nv.valuelen).decode("latin-1")))
            if flags.value & 1:
                self.lib.nghttp2_hd_inflate_end_headers(self.state)
                return out

    def __del__(self):
        self.lib.nghttp2_hd_inflate_del(self.state)


def _length(n):
    if n < 127:
        return bytes([n])
    out, n = b"\x7f", n - 127
    while n >= 128:
        out, n = out + bytes([n % 128 + 128]), n // 128
    return out + bytes([n])


def header_block(headers):
    out = b""
    for name, value in headers:
        name, value = (x if isinstance(x, bytes) else x.encode("latin-1") for x in (name, value))
        out += b"\0" + _length(len(name)) + name + _length(len(value)) + value
    return out


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def message(payload, compressed=0, length=None):
    """A gRPC message; `length` may lie."""
    return struct.pack(">BI", compressed, len(payload) if length is None else length) + payload


class Request:
    def __init__(self, stream, headers):
        self.stream, self.headers, self.data = stream, headers, b""
        self.began = time.monotonic()

    def header(self, name):
        return next((v for k, v in self.headers if k == name), None)


class Conn:
    """One connection. send() and all that build on it may be called from any thread."""

    def __init__(self, peer, sock):
        self.peer, self.sock, self.lock = peer, sock, threading.Lock()
        self.requests, self.resets, self.goaways = {}, {}, []
        self.pings_acked, self.closed = 0, threading.Event()
        self.changed = threading.Condition()

    # ---- out ----
    def send(self, data):
        with self.lock:
            try:
                self.sock.sendall(data)
            except OSError:
                self.closed.set()

    def headers(self, stream, headers=(), status="200", content_type="application/grpc", end=False):
        base = [(":status", status)] if status else []
        if content_type:
            base.append(("content-type", content_type))
        self._block(stream, header_block(base + list(headers)), END_STREAM if end else 0)

    def trailers(self, stream, status="0", text=None, headers=()):
        fields = [] if status is None else [("grpc-status", status)]
        if text is not None:
            fields.append(("grpc-message", text))
        self._block(stream, header_block(fields + list(headers)), END_STREAM)

    def _block(self, stream, block, flags):
        """One header block, in as many frames as it takes."""
        pieces = [block[i:i + 16384] for i in range(0, len(block), 16384)]
        kinds = [HEADERS] + [CONTINUATION] * (len(pieces) - 1)
        ends = [0] * (len(pieces) - 1) + [END_HEADERS]
        self.send(b"".join(frame(k, e | (flags if k == HEADERS else 0), stream, p)
                           for k, e, p in zip(kinds, ends, pieces)))

    def data(self, stream, data, end=False):
        pieces = [data[i:i + 16384] for i in range(0, len(data), 16384)] or [b""]
        for i, piece in enumerate(pieces):
            last = end and i == len(pieces) - 1
            self.send(frame(DATA, END_STREAM if last else 0, stream, piece))

    def rst(self, stream, code):
        self.send(frame(RST_STREAM, 0, stream, struct.pack(">I", code)))

    def goaway(self, last, code=NO_ERROR):
        self.send(frame(GOAWAY, 0, 0, struct.pack(">II", last, code)))

    def settings(self, *pairs):
        self.send(frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", k, v) for k, v in pairs)))

    def window(self, stream, n):
        self.send(frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", n)))

    def close(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def abort(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.sock.close()

    # ---- in ----
    def wait_reset(self, stream, timeout=5):
        """(time, code) of the gateway's RST_STREAM, or None."""
        with self.changed:
            self.changed.wait_for(lambda: stream in self.resets or self.closed.is_set(), timeout)
            return self.resets.get(stream)

    def _exactly(self, n):
        out = b""
        while len(out) < n:
            piece = self.sock.recv(n - len(out))
            if not piece:
                raise ConnectionError("end")
            out += piece
        return out

    def run(self):
        try:
            assert self._exactly(len(PREFACE)) == PREFACE
            if self.peer.on_connect:
                self.peer.on_connect(self)
            else:
                self.settings(*self.peer.settings)
            self._serve()
        except OSError:
            pass
        finally:
            self.closed.set()
            with self.changed:
                self.changed.notify_all()
            self.sock.close()

    def _serve(self):
        inflater, block = Inflater(), b""
        while True:
            head = self._exactly(9)
            n, kind, flags = int.from_bytes(head[:3], "big"), head[3], head[4]
            stream = int.from_bytes(head[5:], "big") & 0x7fffffff
            payload = self._exactly(n)
            if kind in (HEADERS, CONTINUATION):
                block += self._bare(flags, payload) if kind == HEADERS else payload
                if kind == HEADERS:
                    ended = flags & END_STREAM
                if flags & END_HEADERS:
                    self.requests[stream] = Request(stream, inflater.headers(block))
                    block = b""
                    self._head(self.requests[stream], ended)
            elif kind == DATA:
                self._data(stream, flags, payload)
            elif kind == SETTINGS and not flags & ACK and self.peer.ack_settings:
                self.send(frame(SETTINGS, ACK, 0))
            elif kind == PING:
                if flags & ACK:
                    self.pings_acked += 1
                elif self.peer.ack_pings:
                    self.send(frame(PING, ACK, 0, payload))
            elif kind == RST_STREAM:
                with self.changed:
                    self.resets[stream] = (time.monotonic(), struct.unpack(">I", payload)[0])
                    self.changed.notify_all()
            elif kind == GOAWAY:
                self.goaways.append(struct.unpack(">II", payload[:8]))

    @staticmethod
    def _bare(flags, payload):
        if flags & PADDED:
            payload = payload[1:len(payload) - payload[0]]
        return payload[5:] if flags & PRIORITIZED else payload

    def _head(self, request, ended):
        if self.peer.on_head:
            self.peer.start(self.peer.on_head, self, request)
        elif ended:
            self.peer.dispatch(self, request)

    def _data(self, stream, flags, payload):
        request = self.requests[stream]
        request.data += self._bare(flags & PADDED, payload)
        if payload and self.peer.refill:
            self.window(0, len(payload))
            if not flags & END_STREAM:
                self.window(stream, len(payload))
        if flags & END_STREAM and not self.peer.on_head:
            self.peer.dispatch(self, request)


class Peer:
    """`on_connect(conn)` runs instead of our SETTINGS; `on_head(conn, request)` at the request's
    headers, instead of the behaviours, which run at its end."""

    def __init__(self, *behaviours, settings=(), on_connect=None, on_head=None, ack_settings=True,
                 ack_pings=True, refill=True, port=0):
        self.behaviours, self.settings = list(behaviours), settings
        self.on_connect, self.on_head = on_connect, on_head
        self.ack_settings, self.ack_pings, self.refill = ack_settings, ack_pings, refill
        self.conns, self.calls, self.faults = [], [], []
        self.lock = threading.Lock()
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", port))
        self.listener.listen(64)
        self.port = self.listener.getsockname()[1]
        self.target = f"127.0.0.1:{self.port}"
        self.start(self._accept)

    def start(self, what, *arguments):
        def guarded():
            try:
                what(*arguments)
            except Exception as e:      # a test asks for these at its end
                self.faults.append(e)
        threading.Thread(target=guarded, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            conn = Conn(self, sock)
            self.conns.append(conn)
            self.start(conn.run)

    def dispatch(self, conn, request):
        with self.lock:
            behaviour = self.behaviours[min(len(self.calls), len(self.behaviours) - 1)]
            self.calls.append(request)
        self.start(behaviour, conn, request)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)     # wakes accept()
        self.listener.close()
        for conn in self.conns:
            conn.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def answers(*payloads, headers=(), trailers=()):
    """A behaviour: a proper answer with these messages."""
    def behave(conn, request):
        conn.headers(request.stream, headers)
        for p in payloads:
            conn.data(request.stream, message(p))
        conn.trailers(request.stream, headers=trailers)
    return behave


def echoes(conn, request):
    """A behaviour: the request's message is the answer's."""
    conn.headers(request.stream)
    conn.data(request.stream, request.data)
    conn.trailers(request.stream)
