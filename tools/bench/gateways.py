"""The gateways side by side: how each is started, when it is ready, what it has cost so far."""
import http.client
import json
import os
import socket
import subprocess
import tempfile
import time

HOST = "127.0.0.1"
READY_S, END_S = 20, 5


class BenchError(Exception):
    """No figure can be given: says why."""


def pin(pid, cpus):
    os.sched_setaffinity(pid, cpus)


class Process:
    """A child on its own cores, ended by its pid and by nothing else."""

    def __init__(self, name, argv, port, cpus):
        self.name, self.argv, self.port, self.cpus = name, argv, port, cpus
        self.child = None
        self.log = tempfile.TemporaryFile()
        self.spawned_at = 0.0

    def spawn(self):
        own = os.sched_getaffinity(0)
        pin(0, self.cpus)  # the child inherits it, so that its first instruction runs there
        try:
            self.spawned_at = time.monotonic()
            self.child = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        finally:
            pin(0, own)

    def fail(self, what):
        self.log.seek(0)
        tail = self.log.read()[-600:].decode(errors="replace").strip()
        raise BenchError(f"{self.name} {what}" + (f"; it said: {tail}" if tail else ""))

    def wait_for(self, ready):
        """Seconds from the spawn until ready() is true."""
        until = time.monotonic() + READY_S
        while not ready():
            if self.child.poll() is not None:
                self.fail(f"ended by itself with {self.child.returncode}")
            if time.monotonic() > until:
                self.fail("did not get ready")
            time.sleep(0.0005)
        return time.monotonic() - self.spawned_at

    def end(self):
        if not self.child:
            return
        self.child.terminate()
        try:
            self.child.wait(END_S)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        self.child = None

    def listens(self):
        with socket.socket() as s:
            return s.connect_ex((HOST, self.port)) == 0

    # What the kernel counts.

    def cpu_ns(self):
        """User and system time of all threads, also of those that have ended: its CPU-time clock, the
        sum of what /proc/PID/task/*/schedstat shows for the living ones."""
        return time.clock_gettime_ns((~self.child.pid << 3) | 2)

    def status_kb(self, field):
        with open(f"/proc/{self.child.pid}/status", encoding="ascii") as f:
            return next(int(line.split()[1]) for line in f if line.startswith(field + ":"))

    def rss_kb(self):
        return self.status_kb("VmRSS")

    def reset_peak(self):
        with open(f"/proc/{self.child.pid}/clear_refs", "w", encoding="ascii") as f:
            f.write("5")

    def peak_kb(self):
        return self.status_kb("VmHWM")

    def sockets(self):
        return len(os.listdir(f"/proc/{self.child.pid}/fd"))


def out_dir():
    return os.environ["BENCH"]


class Gateway(Process):
    """What is sent to it goes to `path` with `headers`."""
    path = "/v1/echo"
    headers = {"content-type": "application/json"}

    def answer(self, body):
        link = http.client.HTTPConnection(HOST, self.port, timeout=60)
        try:
            link.request("POST", self.path, body, self.headers)
            reply = link.getresponse()
            return reply.status, reply.read()
        finally:
            link.close()

    def answers(self, body):
        try:
            return self.answer(body)[0] == 200
        except (OSError, http.client.HTTPException):
            return False


def envoy_config(port, backend, descriptors):
    transcoder = {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder",
        "proto_descriptor": descriptors, "services": ["demo.v1.Echo"]}
    router = {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}
    manager = {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3"
                 ".HttpConnectionManager",
        "stat_prefix": "bench",
        "http_filters": [{"name": "transcoder", "typed_config": transcoder},
                         {"name": "router", "typed_config": router}],
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
            {"match": {"prefix": "/"}, "route": {"cluster": "backend", "timeout": "0s"}}]}]}}
    http2 = {"@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
             "explicit_http_config": {"http2_protocol_options": {}}}
    # Its circuit breakers stop at 1,024 calls by default; here 10,000 wait.
    most = {"max_connections": 100000, "max_pending_requests": 100000, "max_requests": 100000}

    def address(p):
        return {"socket_address": {"address": HOST, "port_value": p}}

    return {"static_resources": {
        # It transcodes whole messages, and keeps 1 MiB of one by default.
        "listeners": [{"address": address(port), "per_connection_buffer_limit_bytes": 64 << 20,
                       "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}]}],
        "clusters": [{
            "name": "backend", "type": "STATIC", "circuit_breakers": {"thresholds": [most]},
            "per_connection_buffer_limit_bytes": 64 << 20,
            "typed_extension_protocol_options": {
                "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": http2},
            "load_assignment": {"cluster_name": "backend", "endpoints": [{"lb_endpoints": [
                {"endpoint": {"address": address(backend)}}]}]}}]}}


def floor(out, payload, port, cpus):
    return Gateway("floor", [f"{out}/floor", str(port), f"{out}/{payload}.json"], port, cpus)


def backend(out, port, cpus):
    return Process("echo-backend", [f"{out}/echo-backend", str(port), "100000"], port, cpus)


def postern_config(backend, streams, connections):
    """The defaults stop at 400 calls to one endpoint and at half the limit of open files."""
    return {"upstream": "backend", "bounds": {"connections": 100000, "streams_per_connection": streams},
            "clusters": [{"name": "backend", "endpoints": [f"{HOST}:{backend}"], "max_connections": connections,
                          "max_pending": 100000}]}


def for_crowds(gateway, out, upstream):
    """The same gateway with its ceilings where 10,000 waiting calls pass under them."""
    if "--upstream" not in gateway.argv:
        return
    streams = int(os.environ.get("STREAMS", 1000))
    with open(f"{out}/postern.yaml", "w", encoding="ascii") as f:
        json.dump(postern_config(upstream, streams, 20000 // streams), f, indent=1)  # JSON is YAML too
    at = gateway.argv.index("--upstream")
    gateway.argv = [*gateway.argv[:at], "--config", f"{out}/postern.yaml", *gateway.argv[at + 2:]]


def make(name, out, port, upstream, cpus):
    """A gateway by name, not yet started; None where this machine does not have it."""
    listen, to = f"{HOST}:{port}", f"{HOST}:{upstream}"
    if name == "postern":
        argv = [os.environ["POSTERN"], "--descriptors", f"{out}/echo.pb", "--upstream", to, "--listen", listen,
                "--workers", "1"]
    elif name == "grpc-gateway":
        argv = [f"{out}/grpc-gateway", listen, to]
    else:
        with open(f"{out}/envoy.json", "w", encoding="ascii") as f:
            json.dump(envoy_config(port, upstream, f"{out}/echo.pb"), f, indent=1)
        argv = [f"{out}/envoy", "-c", f"{out}/envoy.json", "--concurrency", "1", "--log-level", "error",
                "--disable-hot-restart"]
    return Gateway(name, argv, port, cpus) if os.access(argv[0], os.X_OK) else None
