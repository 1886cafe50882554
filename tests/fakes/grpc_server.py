#!/usr/bin/python3
"""A real gRPC server for the tests of channels: one for each address given, messages are plain bytes.

Says "ready PORT PORT ..." (0 for a unix socket) and serves until its standard input ends.

  Echo     each message comes back; x-... metadata too, as initial and as trailing metadata
  Where    answers the address it was given
  Count    client stream -> "messages bytes"
  Burst    "count size pause_ms" -> so many messages, each filled with its number
  Status   "code text [hex of grpc-status-details-bin]" -> that status
  Hang     nothing, until the call is over
  Lazy     reads one message and no more until Wake is called, then as Count
  Seen     what: "cancelled" or "sent" -> number of Hang calls given up, messages that left Burst
  Left     milliseconds until the deadline
  Die      the process ends
"""
import concurrent.futures
import os
import sys
import threading
import time

import grpc

counters = {"cancelled": 0, "sent": 0}
awake = threading.Event()


def count(requests):
    sizes = [len(r) for r in requests]
    return b"%d %d" % (len(sizes), sum(sizes))


def mine(context):
    return [(k, v) for k, v in context.invocation_metadata() if k.startswith("x-")]


class Service(grpc.GenericRpcHandler):
    def __init__(self, address):
        self.address = address

    def service(self, details):
        does = getattr(self, details.method.rsplit("/", 1)[1].lower(), None)
        return does and grpc.stream_stream_rpc_method_handler(does)

    def echo(self, requests, context):
        context.set_trailing_metadata(mine(context))
        context.send_initial_metadata(mine(context))
        for r in requests:
            yield r

    def where(self, requests, context):
        next(requests)
        yield self.address.encode()

    def count(self, requests, context):
        yield count(requests)

    def burst(self, requests, context):
        n, size, pause = map(int, next(requests).split())
        for i in range(n):
            if i and pause:
                time.sleep(pause / 1000)
            yield bytes([i % 256]) * size
            counters["sent"] += 1

    def status(self, requests, context):
        code, text, *details = next(requests).decode().split(" ")
        if details:
            context.set_trailing_metadata([("grpc-status-details-bin", bytes.fromhex(details[0])),
                                           ("x-test", "beside")])
        context.set_code(int(code) if int(code) > 16 else
                         next(c for c in grpc.StatusCode if c.value[0] == int(code)))
        context.set_details(text)
        return
        yield

    def hang(self, requests, context):
        over = threading.Event()
        context.add_callback(over.set)
        over.wait(30)
        counters["cancelled"] += 1
        return
        yield

    def lazy(self, requests, context):
        awake.clear()
        next(requests)
        awake.wait(30)
        yield count(requests)

    def wake(self, requests, context):
        awake.set()
        yield next(requests)

    def seen(self, requests, context):
        yield b"%d" % counters[next(requests).decode()]

    def left(self, requests, context):
        left = context.time_remaining()
        yield b"%d" % (left * 1000 if left is not None and left < 1e6 else -1)

    def die(self, requests, context):
        next(requests)
        os._exit(0)
        yield


def serve(address):
    options = [("grpc.max_receive_message_length", -1), ("grpc.max_metadata_size", 1 << 20),
               ("grpc.so_reuseport", 0)]
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(32), [Service(address)],
                         options=options)
    port = server.add_insecure_port(address)
    server.start()
    return server, port


def main():
    servers = [serve(a) for a in sys.argv[1:]]
    print("ready", *(0 if a.startswith("unix:") else port
                     for a, (_, port) in zip(sys.argv[1:], servers)), flush=True)
    sys.stdin.read()
    os._exit(0)


main()
