"""A real redis-server that tests stop, kill and start again, and a fake one that says what it is told."""
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time


class Redis:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="redis-e2e-")
        self.path = f"{self.folder}/redis.sock"
        self.address = f"unix:{self.path}"
        self.child = None
        self.start()

    def start(self):
        self.child = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", self.path, "--save", "",
             "--dir", self.folder], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 10
        while time.monotonic() < end:
            try:
                if self.ask("PING") == "PONG":
                    return
            except OSError:
                assert self.child.poll() is None, "redis-server does not run"
            time.sleep(0.01)
        raise AssertionError("redis-server does not answer")

    def ask(self, *words):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(5)
            s.connect(self.path)
            s.sendall(b"*%d\r\n" % len(words) +
                      b"".join(b"$%d\r\n%s\r\n" % (len(w), w.encode()) for w in words))
            return s.recv(65536).decode().rstrip("\r\n").lstrip("+-:")

    def keys(self):
        return [w for w in self.ask("KEYS", "*").split("\r\n") if not w.startswith(("*", "$"))]

    def signal(self, number):
        self.child.send_signal(number)

    def kill(self):
        self.child.kill()
        self.child.wait()

    def end(self):
        if self.child.poll() is None:
            self.signal(signal.SIGCONT)
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class FakeRedis:
    """Says `line` to whatever it is sent; None: accepts and never answers."""

    def __init__(self, line):
        self.line, self.accepted = line, 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.socket.getsockname()[1]}"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self.talk, args=(client,), daemon=True).start()

    def talk(self, client):
        with client:
            try:
                while client.recv(65536):
                    if self.line is not None:
                        client.sendall(self.line)
            except OSError:
                pass

    def end(self):
        self.socket.close()
