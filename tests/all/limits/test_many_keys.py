"""A gateway that is given more keys than its table holds: memory, cost, and who is forgotten."""
import pathlib
import sys

from test_limits import limit, limited, metric

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "tools/bench"))
import keyed  # noqa: E402

MILLION, MORE, STEP = 1000000, 300000, 50000
USED_UP, ASKED = range(2000000, 2000100), range(3000000, 3000100)


def client(g):
    """Its calls are refused for their content type, behind the limit and before any upstream."""
    return keyed.Keyed(g.port, b"x", kind="text/plain")


def microseconds_a_call(g, c, keys):
    before = g.cpu_seconds()
    assert c.call(keys) == {415: len(keys)}
    return (g.cpu_seconds() - before) / len(keys) * 1e6


def test_a_million_keys_and_more(start, backend):
    g = start(backend.target, limited(limit(rate="50/day", algorithm="FIXED_WINDOW", key="headers['x-key']")))
    with client(g) as c:
        assert c.call([0]) == {415: 1}
        before = g.rss_kib()
        assert c.call(list(USED_UP) * 51) == {415: 50 * len(USED_UP), 429: len(USED_UP)}
        # A flood of strangers, while some ask all the time without coming near their limit.
        flood, rounds = keyed.shuffled(MILLION + MORE), 0
        for at in range(0, len(flood), STEP):
            assert set(c.call(flood[at:at + STEP])) == {415}
            assert c.call(list(ASKED)) == {415: len(ASKED)}
            rounds += 1
        assert (g.rss_kib() - before) / 1024 <= 128
        assert MILLION * 0.99 <= metric(g, "postern_limit_keys") <= MILLION * 1.05
        assert metric(g, "postern_limit_keys_forgotten_total") >= MORE * 0.8    # a shard has some slack
        # Who had used up a budget is still known, and so is what the others have used.
        assert c.call(list(USED_UP)) == {429: len(USED_UP)}
        left = 50 - rounds
        assert c.call(list(ASKED) * (left + 1)) == {415: left * len(ASKED), 429: len(ASKED)}
        # Any of a million costs little more than one of a few. On a machine that does other things too the best of some
        # tries counts.
        few, million = [], []
        for n in range(4):
            few.append(microseconds_a_call(g, c, list(range(4000000 + n * 400, 4000400 + n * 400)) * 50))
            million.append(microseconds_a_call(g, c, flood[-20000 * (n + 1):][:20000]))
        assert min(million) <= min(few) + 2
