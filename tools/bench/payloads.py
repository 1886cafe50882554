"""What is sent through every gateway, and how an answer is known to be the right one."""
import json
import random
import struct

SMALL_BYTES, TURNS, FLOATS = 66, 8, 10000
WORDS = ("the model answers with a list of tokens; each carries its log-probability, and the client "
         "keeps \"top_k\" of them.\nWhere the prompt is naïve or the naming unclear – say, a café’s menu – ask "
         "again. ")


def float32(x):
    return struct.unpack("f", struct.pack("f", x))[0]


def shortest(x):
    """The fewest digits that name this float32: what a model server's client would send."""
    return next(s for s in (f"{x:.{digits}g}" for digits in range(1, 10)) if float32(float(s)) == x)


def small():
    frame = '{"text":""}'
    text = "a small gate stands beside the big one, for those who walk in alone"
    return frame.replace('""', '"' + text[:SMALL_BYTES - len(frame)] + '"').encode()


def chat():
    turns = [{"role": ("user", "assistant")[i % 2], "content": (WORDS * 2)[i * 7:i * 7 + 262]}
             for i in range(TURNS)]
    return json.dumps({"messages": turns, "id": "4711"}, ensure_ascii=False, separators=(",", ":")).encode()


def tensor():
    dice = random.Random(7)
    values = (shortest(float32(dice.gauss(0, 1))) for _ in range(FLOATS))
    return ('{"values":[' + ",".join(values) + "]}").encode()


def tensor_of(size):
    """A tensor of about that many bytes: the same values over and over."""
    values = tensor()[len('{"values":['):-2].split(b",")
    some, n = [], 0
    while n < size - 16:
        some.append(values[len(some) % FLOATS])
        n += len(some[-1]) + 1
    return b'{"values":[' + b",".join(some) + b"]}"


def plain(message, key=""):
    """One shape for what the JSON mapping lets a gateway write in several ways."""
    if isinstance(message, dict):
        return {k: plain(v, k) for k, v in message.items()}
    if key == "values":
        return [float32(float(v)) for v in message]
    if isinstance(message, list):
        return [plain(v) for v in message]
    return int(message) if key == "id" else message


def fault(sent, received):
    """None, or how the answer differs from the echo of what was sent."""
    try:
        got = plain(json.loads(received))
    except (ValueError, TypeError, AttributeError, OverflowError) as e:
        return f"is no such message ({e}): {received[:200]!r}"
    want = plain(json.loads(sent))
    if got == want:
        return None
    return f"is another message: {received[:200]!r} for {sent[:200]!r}"


def all_of_them():
    return {"small": small(), "chat": chat(), "tensor": tensor()}
