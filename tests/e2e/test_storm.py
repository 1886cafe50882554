"""Many clients at once that send in odd pieces, pause, pipeline or reset: who stays gets every answer."""
import random
import threading
import time

import h1

CLIENTS, ROUNDS = 40, 5


def pieces(r, data):
    size = r.choice([1, 7, 400]) if len(data) < 2000 else r.choice([400, 5000, len(data)])
    while data:
        n = r.randint(1, size)
        yield data[:n]
        data = data[n:]


NAP = "0.030s"


def converse(r, port, texts):
    """Sends an echo of each text, pipelined, half of the time while a call before them still runs. Returns what
    came back, or None when it has left in between."""
    data = b"".join(h1.request("POST", "/v1/echo", json={"text": t}) for t in texts)
    leaves, naps = r.random() < 0.2, r.random() < 0.5
    with h1.Connection(port, timeout=20) as c:
        if naps:
            c.send(h1.request("POST", "/v1/sleep", json={"duration": NAP}))
            time.sleep(0.01)
        for piece in pieces(r, data[:r.randrange(len(data))] if leaves else data):
            c.send(piece)
            if r.random() < 0.05:
                time.sleep(r.choice([0.001, 0.02, 0.15]))
        if leaves:
            c.abort()
            return None
        slept = c.response().json["slept"] if naps else NAP
        return [c.response().json["text"] for _ in texts] if slept == NAP else slept


def test_whoever_stays_gets_every_answer(gateway, backend):
    faults = []

    def client(seed):
        r = random.Random(seed)
        for i in range(ROUNDS):
            texts = [f"{seed}-{i}-{k}-" + "y" * r.choice([0, 300, 20000]) for k in range(r.choice([1, 1, 4]))]
            try:
                got = converse(r, gateway.port, texts)
            except Exception as e:  # of any kind: the thread must say so
                got = repr(e)
            if got not in (None, texts):
                faults.append((seed, i, str(got)[:200]))

    threads = [threading.Thread(target=client, args=(seed,)) for seed in range(CLIENTS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not faults, faults[:5]
