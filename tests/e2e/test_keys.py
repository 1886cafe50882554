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


def test_a_link_stays_a_link_and_the_file_behind_it_changes(file, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    link, further = tmp_path / "elsewhere" / "link.json", tmp_path / "elsewhere" / "further.json"
    link.symlink_to("../keys.json")
    further.symlink_to("link.json")
    assert keys("add", "--file", link, "--id", "second").returncode == 0
    assert keys("revoke", "--file", further, "first").returncode == 0
    assert link.is_symlink() and further.is_symlink() and not file.is_symlink()
    known = {k["id"]: k.get("revoked", False) for k in json.loads(file.read_text())["keys"]}
    assert known == {"first": True, "second": False}


def test_a_link_that_points_nowhere_is_left_alone(tmp_path):
    link = tmp_path / "link.json"
    link.symlink_to("nowhere.json")
    for verb in (("add", "--file", link, "--id", "x"), ("revoke", "--file", link, "x")):
        done = keys(*verb)
        assert done.returncode == 1 and done.stdout == "" and "make the file that it points to" in done.stderr, done
    assert link.is_symlink()
