"""reflection_server.py SET PORT: demo.v1.Echo's Echo on 127.0.0.1, described by grpcio-reflection."""
import concurrent.futures
import sys

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool
from grpc_reflection.v1alpha import reflection


class Echo(grpc.GenericRpcHandler):
    def service(self, details):
        if details.method == "/demo.v1.Echo/Echo":
            return grpc.unary_unary_rpc_method_handler(lambda request, context: request)


with open(sys.argv[1], "rb") as f:
    for file in descriptor_pb2.FileDescriptorSet.FromString(f.read()).file:
        # Some files are in the pool from the start.
        try:
            descriptor_pool.Default().FindFileByName(file.name)
        except KeyError:
            descriptor_pool.Default().Add(file)
server = grpc.server(concurrent.futures.ThreadPoolExecutor(4), [Echo()])
reflection.enable_server_reflection(["demo.v1.Echo", reflection.SERVICE_NAME], server)
server.add_insecure_port(f"127.0.0.1:{sys.argv[2]}")
server.start()
server.wait_for_termination()
