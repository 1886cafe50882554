"""A gRPC server of Debian's python3-grpcio that knows every method of a schema. What a method does
is a function of the call; without one it answers what `answers` holds, or the default message."""
import threading
import time
from concurrent import futures

import grpc


class Call:
    """One RPC as the server sees it."""

    def __init__(self, backend, method, kind, context):
        self.backend, self.method, self.context = backend, method, context
        self.input, self.output, self.client_streams, self.server_streams = kind
        self.metadata = list(context.invocation_metadata())
        self.time_left = context.time_remaining()
        self.received, self.ended = [], threading.Event()
        self.ended_at = None
        context.add_callback(self._end)

    def _end(self):
        self.ended_at = time.monotonic()
        self.ended.set()

    def values(self, key):
        return [v for k, v in self.metadata if k == key]

    @property
    def request(self):
        return self.received[0]

    def active(self):
        return self.context.is_active()

    def fail(self, code, text="", trailers=()):
        """A Python server can only end with the codes that it has names for."""
        self.context.set_trailing_metadata(tuple(trailers))
        self.context.abort(next(c for c in grpc.StatusCode if c.value[0] == code), text)


class Backend(grpc.GenericRpcHandler):
    def __init__(self, schema, does=None, port=0, address=None):
        self.schema, self.default = schema, dict(does or {})
        self.does, self.answers, self.calls = dict(self.default), {}, []
        self.pool = futures.ThreadPoolExecutor(64)
        self.server = grpc.server(self.pool, handlers=(self,),
                                  options=[("grpc.max_receive_message_length", -1),
                                           ("grpc.max_send_message_length", -1),
                                           ("grpc.so_reuseport", 0)])
        self.port = self.server.add_insecure_port(address or f"127.0.0.1:{port}")
        self.target = address or f"127.0.0.1:{self.port}"
        self.server.start()

    def reset(self):
        self.does, self.answers, self.calls = dict(self.default), {}, []

    def stop(self, grace=None):
        self.server.stop(grace).wait(10)
        self.pool.shutdown(wait=False)

    def service(self, details):
        kind = self.schema.methods.get(details.method)
        if not kind:
            return None
        serve = self._streaming if kind[3] else self._single
        make = {(0, 0): grpc.unary_unary_rpc_method_handler,
                (0, 1): grpc.unary_stream_rpc_method_handler,
                (1, 0): grpc.stream_unary_rpc_method_handler,
                (1, 1): grpc.stream_stream_rpc_method_handler}[kind[2], kind[3]]
        return make(lambda request, context: serve(details.method, kind, request, context),
                    kind[0].FromString,
                    lambda m: m if isinstance(m, bytes) else m.SerializeToString())

    def _begin(self, method, kind, request, context):
        call = Call(self, method, kind, context)
        self.calls.append(call)
        if kind[2]:
            call.requests = self._noting(call, request)
        else:
            call.received.append(request)
        return call

    @staticmethod
    def _noting(call, requests):
        for r in requests:
            call.received.append(r)
            yield r

    def _single(self, method, kind, request, context):
        call = self._begin(method, kind, request, context)
        does = self.does.get(method)
        if does:
            return does(call)
        if kind[2]:
            list(call.requests)
        return self.answers.get(method, kind[1]())

    def _streaming(self, method, kind, request, context):
        call = self._begin(method, kind, request, context)
        does = self.does.get(method)
        if does:
            yield from does(call)
            return
        if kind[2]:
            list(call.requests)
        yield from self.answers.get(method, ())
