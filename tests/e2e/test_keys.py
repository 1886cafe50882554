"""`postern keys`: what it writes a gateway reads, and what it cannot do it says."""
import json
import os
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


@pytest.mark.parametrize("args, says", [
    (["--id", ""], "1 to 128 visible ASCII"),
    (["--id", "a\nb"], "1 to 128 visible ASCII"),
    (["--id", "a b"], "1 to 128 visible ASCII"),
    (["--id", "\x1b[2J"], "1 to 128 visible ASCII"),
    (["--id", b"\xff"], "1 to 128 visible ASCII"),
    (["--id", "é"], "1 to 128 visible ASCII"),
    (["--id", "x" * 129], "1 to 128 visible ASCII"),
    (["--id", "x" * 70_000], "1 to 128 visible ASCII"),
    (["--id", "x", "--scope", "a b"], "give --scope once for each"),
    (["--id", "x", "--scope", ""], "give --scope once for each"),
    (["--id", "x", "--scope", 'a"'], "give --scope once for each"),
    (["--id", "x", "--scope", "a\n"], "--scope: write UTF-8 without control characters"),
    (["--id", "x", "--tenant", b"\xff"], "--tenant: write UTF-8"),
    (["--id", "x", "--tier", "a\rb"], "--tier: write UTF-8"),
    (["--id", "x", "--role", "a\tb"], "--role: write UTF-8"),
    (["--id", "x", "--note", "n" * 1025], "1024 bytes at most"),
    (["--id", "x", "--limit", b"\xff=1"], "--limit: write UTF-8"),
    (["--id", "x", "--limit", "a=0"], "a whole number above 0"),
    (["--id", "x", "--expires", "0d"], "1d to 36500d, or a time to come"),
    (["--id", "x", "--expires", "36501d"], "1d to 36500d, or a time to come"),
    (["--id", "x", "--expires", "2020-01-01T00:00:00Z"], "1d to 36500d, or a time to come"),
    (["--id", "x", "--expires", "tomorrow"], "1d to 36500d, or a time to come"),
])
def test_words_that_a_key_cannot_have(file, args, says):
    assert says in refused(file, *args)


def test_the_longest_id_is_taken(file):
    assert keys("add", "--file", file, "--id", "x" * 128, "--expires", "1d", "--note", "für Ä").returncode == 0
    assert json.loads(file.read_text())["keys"][1]["id"] == "x" * 128


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    done = keys("add", "--file", tmp_path / "pipe", "--id", "x")
    assert done.returncode == 1 and done.stdout == "" and "is no regular file" in done.stderr, done
