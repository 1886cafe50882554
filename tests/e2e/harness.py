"""The programs under test, and the schema they are given."""
import json
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import threading
import time

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from google.protobuf import text_format

import h1

REPO = pathlib.Path(__file__).resolve().parents[2]
BUILD = REPO / os.environ.get("POSTERN_BUILD", "build")
POSTERN, DEMO_BACKEND = BUILD / "postern", BUILD / "demo-backend"
IN_SANITIZER = BUILD.name in ("asan", "tsan")
SANITIZED = re.compile(r"Sanitizer|runtime error:")
READY_SECONDS = 10


class Ports:
    """Below the ephemeral range, so that no outgoing connection takes one between test and use."""

    def __init__(self):
        self.next, self.lock = os.getpid() % 900, threading.Lock()

    def take(self):
        with self.lock:
            for _ in range(1000):
                self.next = (self.next + 1) % 1000
                port = 22000 + self.next
                with socket.socket() as s:
                    try:
                        s.bind(("127.0.0.1", port))
                        return port
                    except OSError:
                        pass
        raise RuntimeError("no free port from 22000 to 22999")


PORTS = Ports()


def free_port():
    return PORTS.take()


def protoc(out, *files, include=()):
    """A descriptor set of `files` and all that they import, with source info."""
    paths = [*include, REPO / "proto", REPO / "tests/protos", "/usr/include"]
    subprocess.run(["protoc", *(f"-I{p}" for p in paths), "--include_imports",
                    "--include_source_info", "-o", str(out), *map(str, files)], check=True)
    return pathlib.Path(out)


class Schema:
    """Python's own view of a descriptor set."""

    def __init__(self, path):
        files = descriptor_pb2.FileDescriptorSet.FromString(pathlib.Path(path).read_bytes())
        self.path, self.pool = path, descriptor_pool.DescriptorPool()
        self.factory = message_factory.MessageFactory(self.pool)
        self.methods = {}
        for f in files.file:
            self.pool.AddSerializedFile(f.SerializeToString())
        for f in files.file:
            for service in self.pool.FindFileByName(f.name).services_by_name.values():
                proto = descriptor_pb2.ServiceDescriptorProto()
                service.CopyToProto(proto)
                for m, p in zip(service.methods, proto.method):
                    self.methods[f"/{service.full_name}/{m.name}"] = (
                        self.factory.GetPrototype(m.input_type),
                        self.factory.GetPrototype(m.output_type),
                        p.client_streaming, p.server_streaming)

    def new(self, name, text=""):
        """A message by its full name, from protobuf's text format."""
        m = self.factory.GetPrototype(self.pool.FindMessageTypeByName(name))()
        return text_format.Parse(text, m, descriptor_pool=self.pool)

    def from_json(self, name, value):
        return json_format.ParseDict(value, self.new(name), descriptor_pool=self.pool)

    def json(self, m):
        return json_format.MessageToDict(m, descriptor_pool=self.pool)


def same(a, b):
    """No NaN equals another but by its bytes."""
    return a == b or a.SerializeToString(deterministic=True) == b.SerializeToString(deterministic=True)


def float32(x):
    try:
        return struct.unpack("f", struct.pack("f", x))[0]
    except OverflowError:
        return x


def same_json(a, b):
    """Floats have many texts for one value; all else is equal or not."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same_json(v, b[k]) for k, v in a.items())
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same_json, a, b))
    if isinstance(a, float) or isinstance(b, float):
        return not isinstance(a, str) and not isinstance(b, str) and (a == b or float32(a) == float32(b))
    return type(a) is type(b) and a == b


def metric(g, name, **labels):
    """The first sample of that name with these labels; None: there is none."""
    text = h1.call(g.admin, "GET", "/metrics").text
    for line in text.splitlines():
        if line.startswith(name) and all(f'{k}="{v}"' in line for k, v in labels.items()):
            return int(float(line.rsplit(" ", 1)[1]))
    return None


class Process:
    """A program of ours. stop() is the end every test wants: TERM, exit 0, nothing found by a
    sanitizer; what a failed test has left behind is ended with the session."""
    started = []

    def __init__(self, command, folder, env=None):
        self.folder = pathlib.Path(folder)
        self.out, self.err = self.folder / "stdout", self.folder / "stderr"
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.child = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL,
                                          stdout=out, stderr=err, cwd=folder,
                                          env={**os.environ, **(env or {})})
        Process.started.append(self)

    @property
    def pid(self):
        return self.child.pid

    def stderr(self):
        return self.err.read_text(errors="replace")

    def stdout(self):
        return self.out.read_text(errors="replace")

    def await_port(self, port):
        end = time.monotonic() + READY_SECONDS
        while time.monotonic() < end:
            if self.child.poll() is not None:
                raise AssertionError(f"exit {self.child.returncode} at start: {self.stderr()}")
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.01)
        raise AssertionError(f"does not listen on {port}: {self.stderr()}")

    def signal(self, number):
        self.child.send_signal(number)

    def alive(self):
        return self.child.poll() is None

    def wait(self, timeout=10):
        return self.child.wait(timeout)

    def kill(self):
        self.child.kill()
        self.child.wait()

    def stop(self):
        if self.alive():
            self.signal(signal.SIGTERM)
        try:
            code = self.wait(15)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"does not stop on TERM: {self.stderr()}") from None
        assert not SANITIZED.search(self.stderr()), self.stderr()
        assert code == 0, f"exit {code}: {self.stderr()}"

    def _status(self, key):
        text = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(rf"^{key}:\s+(\d+)", text, re.M).group(1))

    def rss_kib(self):
        """0 under a sanitizer, whose own memory it would be."""
        return 0 if IN_SANITIZER else self._status("VmRSS")

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Gateway(Process):
    """build/postern on a free port, its configuration in postern.yaml (JSON is YAML)."""

    def __init__(self, folder, descriptors=None, upstream=None, config=None, args=(), admin=True,
                 env=None, program=POSTERN):
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.port, self.admin = free_port(), free_port() if admin else None
        self.log, self.config_path = folder / "access.log", folder / "postern.yaml"
        self.write_config(config or {})
        command = [program, "--config", self.config_path, "--listen", f"127.0.0.1:{self.port}"]
        command += ["--admin", f"127.0.0.1:{self.admin}"] if admin else []
        command += ["--descriptors", descriptors] if descriptors else []
        command += ["--upstream", upstream] if upstream else []
        super().__init__([*command, *args], folder, env)
        try:
            for port in filter(None, (self.port, self.admin)):
                self.await_port(port)
        except AssertionError:
            self.kill()
            raise

    def write_config(self, config):
        if isinstance(config, dict):
            config = json.dumps({"access_log": {"path": str(self.log)}, **config}, indent=1)
        self.config_path.write_text(config)

    def log_lines(self):
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def logged(self, count=1, where=lambda line: True, timeout=5):
        """The access log's lines that fulfil `where`, once there are `count`."""
        end = time.monotonic() + timeout
        while True:
            found = [x for x in self.log_lines() if where(x)]
            if len(found) >= count or time.monotonic() > end:
                assert len(found) >= count, f"{len(found)} of {count} lines: {self.log_lines()}"
                return found
            time.sleep(0.01)


def eventually(what, timeout=5, pause=0.01):
    """The first true value of what(), asked again until the time is up."""
    end = time.monotonic() + timeout
    while True:
        value = what()
        if value or time.monotonic() > end:
            return value
        time.sleep(pause)


def violations(answer):
    """The field violations of an error answer: [(field, description)]."""
    return [(v.get("field", ""), v["description"])
            for d in answer.json.get("details", ())
            if d["@type"].endswith("/google.rpc.BadRequest") for v in d["fieldViolations"]]


def assert_error(answer, status, code=None):
    """The one shape of every error. Returns its message."""
    assert answer.status in (status if isinstance(status, tuple) else (status,)), answer
    assert answer.header("content-type", "").startswith("application/json"), answer
    body = answer.json
    assert set(body) <= {"code", "message", "details"}, body
    assert isinstance(body["code"], int) and isinstance(body["message"], str), body
    if code is not None:
        assert body["code"] in (code if isinstance(code, tuple) else (code,)), body
    return body["message"]
