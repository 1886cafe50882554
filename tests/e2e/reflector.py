"""A hand-written grpc.reflection.v1alpha for Debian's python3-grpcio, which brings none: one file to
an answer, its imports must be asked for. Runs beside the methods of a schema (backend.Backend)."""
import concurrent.futures
import threading

import grpc
from google.protobuf import descriptor_pb2

from harness import Schema, protoc

PATH = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"


class Reflector(grpc.GenericRpcHandler):
    """`files`: a FileDescriptorSet's path; `services`: full names, all that are told of."""

    def __init__(self, folder, files, services, methods=()):
        schema = Schema(protoc(folder / "reflection.pb", "grpc/reflection/v1alpha/reflection.proto"))
        self.request, self.response = schema.methods[PATH][:2]
        self.methods, self.services = dict(methods), services
        self.asked, self.lock = [], threading.Lock()
        self.read(files)
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(8), handlers=(self,),
                                  options=[("grpc.so_reuseport", 0)])
        self.target = f"127.0.0.1:{self.server.add_insecure_port('127.0.0.1:0')}"
        self.server.start()

    def read(self, path):
        files = descriptor_pb2.FileDescriptorSet.FromString(path.read_bytes()).file
        self.files = {f.name: f.SerializeToString() for f in files}
        self.homes = {f"{f.package}.{s.name}": f.name for f in files for s in f.service}

    def stop(self):
        self.server.stop(None).wait(10)

    def service(self, details):
        if details.method == PATH:
            return grpc.stream_stream_rpc_method_handler(
                self.answers, self.request.FromString, lambda m: m.SerializeToString())
        if details.method in self.methods:
            return grpc.unary_unary_rpc_method_handler(self.methods[details.method])
        return None

    def answers(self, requests, context):
        for r in requests:
            with self.lock:
                self.asked.append(r.WhichOneof("message_request"))
            yield self.answer(r)

    def answer(self, r):
        answer = self.response()
        if r.WhichOneof("message_request") == "list_services":
            for name in ("grpc.reflection.v1alpha.ServerReflection", *self.services):
                answer.list_services_response.service.add().name = name
            return answer
        name = r.file_by_filename or self.homes.get(r.file_containing_symbol)
        if name in self.files:
            answer.file_descriptor_response.file_descriptor_proto.append(self.files[name])
        else:
            answer.error_response.error_code = 5
            answer.error_response.error_message = "not known here"
        return answer
