"""multipart/form-data through the gateway, as curl sends it and cut anywhere."""
import os
import random
import shutil
import subprocess

import pytest

import h1
from backend import Backend
from harness import Gateway, assert_error

DESCRIBE = "/bodies.Bodies/Describe"
MIB = 1 << 20


@pytest.fixture(scope="module")
def server(schemas):
    b = Backend(schemas["bodies"])
    yield b
    b.stop()


@pytest.fixture(scope="module")
def gateway(sets, server, tmp_path_factory):
    g = Gateway(tmp_path_factory.mktemp("bodies"), sets["bodies"], server.target)
    yield g
    g.stop()


@pytest.fixture(autouse=True)
def fresh(server):
    server.reset()


def form(*parts, boundary="a-boundary"):
    """Of (name, filename or None, type or None, bytes)."""
    out = b""
    for name, filename, kind, data in parts:
        file = f'; filename="{filename}"' if filename is not None else ""
        out += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n'.encode()
        out += f"Content-Type: {kind}\r\n".encode() if kind else b""
        out += b"\r\n" + data + b"\r\n"
    return out + f"--{boundary}--\r\n".encode()


TYPE = ("Content-Type", "multipart/form-data; boundary=a-boundary")


def test_a_large_file_arrives_whole_and_costs_little(gateway, server):
    data = os.urandom(16 * MIB)
    before = gateway.rss_kib()
    answer = h1.call(gateway.port, "POST", "/images/7", body=form(
        ("file", "x.png", "image/png", data), ("prompt", None, None, b"what?")), headers=[TYPE],
        timeout=60)
    assert answer.status == 200
    got = server.calls[0].request
    assert got.file.data == data and got.file.content_type == "image/png"
    assert (got.id, got.prompt) == ("7", "what?")
    assert gateway.rss_kib() - before < 4 * 16 * 1024


def test_a_body_of_delimiters_alone_is_refused_before_it_costs_anything(gateway):
    body = b"--a-boundary\r\nContent-Disposition: form-data; name=\"tags\"\r\n\r\n\r\n" * 100000
    before = gateway.rss_kib()
    answer = h1.call(gateway.port, "POST", "/images", body=body, headers=[TYPE])
    assert "parts" in assert_error(answer, 400, 3)
    assert gateway.rss_kib() - before < 4096


def test_pieces_of_the_body_may_be_cut_anywhere(gateway, server):
    noise = bytes(random.Random(5).choices(b"\r\n-ab", k=3000))
    body = form(("data", "f", None, noise), ("layers", "g", "a/b", b"\r\n--a-boundar\r\n--a-boundar"))
    for size in (1, 2, 3, 5, 7, 11, 13, 64, 1000):
        pieces = h1.chunked(*(body[i:i + size] for i in range(0, len(body), size)))
        answer = h1.call(gateway.port, "POST", "/images", body=pieces,
                         headers=[TYPE, ("Transfer-Encoding", "chunked")])
        assert answer.status == 200, answer
        assert server.calls[-1].request.data == noise
        assert list(server.calls[-1].request.layers) == [b"\r\n--a-boundar\r\n--a-boundar"]


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl here")
def test_curl_sends_files_and_fields(gateway, server, tmp_path):
    image = tmp_path / "a b;\"c.png"
    image.write_bytes(os.urandom(100000))
    quoted = str(image).replace('"', '\\"')
    subprocess.run(["curl", "-sfS", f"http://127.0.0.1:{gateway.port}/images/7",
                    "-F", f'file=@"{quoted}";type=image/png', "-F", "prompt=what is it?",
                    "-F", "tags=a", "-F", "tags=b"], check=True, capture_output=True)
    got = server.calls[0].request
    assert got.file.data == image.read_bytes() and got.file.content_type == "image/png"
    assert got.prompt == "what is it?" and list(got.tags) == ["a", "b"]


def test_a_message_of_many_parts_is_bounded_by_the_ceiling(start, sets, server):
    g = start(server.target, {"bounds": {"request_body_bytes": 1000}}, set="bodies")
    answer = h1.call(g.port, "POST", "/images", body=form(("data", "f", None, b"x" * 2000)),
                     headers=[TYPE])
    assert_error(answer, 413, 8)
