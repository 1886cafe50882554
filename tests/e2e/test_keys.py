"""`postern keys`: what it writes a gateway reads, and what it cannot do it says."""
import json
import subprocess

import pytest

from harness import POSTERN


def keys(*args):
    return subprocess.run([POSTERN, "keys", *args], capture_output=True, text=True, timeout=20)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "keys.json"
    assert keys("add", "--file", path, "--id", "first").returncode == 0
    return path


def refused(file, *args):
    """With a word, and without a change."""
    before = file.read_bytes()
    done = keys("add", "--file", file, *args)
    assert done.returncode != 0 and done.stdout == "" and file.read_bytes() == before, done
    assert keys("list", "--file", file).returncode == 0
    return done.stderr


def test_a_limit_has_one_number(file):
    assert '--limit a=2: "a" has a number already' in refused(file, "--id", "x", "--limit", "a=1", "--limit", "a=2")
    assert keys("add", "--file", file, "--id", "x", "--limit", "a=1", "--limit", "b=2").returncode == 0
    assert json.loads(file.read_text())["keys"][1]["limits"] == {"a": 1, "b": 2}


def test_what_a_gateway_would_not_read_is_not_written(file):
    hashed = json.loads(file.read_text())["keys"][0]["hash"][:-6]
    file.write_text(json.dumps({"keys": [{"id": f"k{n}", "hash": f"{hashed}{n:06}"} for n in range(100_000)]}))
    assert "is left as it is: gateways would not take it with this key: keys: more than 100000" in refused(
        file, "--id", "one-too-many")
