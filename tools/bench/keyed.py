"""Calls that differ in one header, x-key, several on their way on each connection: what h2load cannot send, and quick
enough to give a gateway a million keys."""
import collections
import random
import re
import socket

from gateways import HOST

CONNECTIONS, DEPTH = 64, 16
ANSWER = re.compile(rb"HTTP/1\.1 (\d{3}) ")
STATUS_LINE = 16    # bytes that may be the beginning of one


class Keyed:
    def __init__(self, port, body, path="/v1/echo", kind="application/json"):
        head = f"POST {path} HTTP/1.1\r\nhost: {HOST}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\nx-key: "
        self.head, self.tail = head.encode(), b"\r\n\r\n" + body
        self.sockets = [socket.create_connection((HOST, port), timeout=30) for _ in range(CONNECTIONS)]
        self.rest = [b""] * CONNECTIONS

    def __enter__(self):
        return self

    def __exit__(self, *why):
        for s in self.sockets:
            s.close()

    def answers(self, i, n):
        """The statuses of the next n answers on that connection."""
        found = []
        while len(found) < n:
            got = self.sockets[i].recv(1 << 16)
            if not got:
                raise ConnectionError(f"closed after {len(found)} of {n} answers")
            text = self.rest[i] + got
            matches = list(ANSWER.finditer(text))
            found += [m.group(1) for m in matches]
            self.rest[i] = text[max(matches[-1].end() if matches else 0, len(text) - STATUS_LINE):]
        return found

    def call(self, keys):
        """A call for each of the keys; {status: how many}."""
        seen, keys = collections.Counter(), [b"%d" % k for k in keys]
        for first in range(0, len(keys), CONNECTIONS * DEPTH):
            batches = [keys[at:at + DEPTH] for at in range(first, min(first + CONNECTIONS * DEPTH, len(keys)), DEPTH)]
            for s, batch in zip(self.sockets, batches):
                s.sendall(b"".join(self.head + key + self.tail for key in batch))
            for i, batch in enumerate(batches):
                seen.update(self.answers(i, len(batch)))
        return {int(status): n for status, n in seen.items()}


def shuffled(n, seed=1):
    keys = list(range(n))
    random.Random(seed).shuffle(keys)
    return keys
