"""The demo services, as their .proto comments describe them, on the Python server."""
import base64
import time

ECHO, ECHO_STREAM = "/demo.v1.Echo/Echo", "/demo.v1.Echo/EchoStream"
FAIL, SLEEP = "/demo.v1.Echo/Fail", "/demo.v1.Echo/Sleep"
TEXT = "/demo.v1.TextGeneration/"


def status_details(call, code, text):
    """google.rpc.Status with the details that a FailRequest asks for."""
    r, schema = call.request, call.backend.schema
    status = schema.new("google.rpc.Status")
    status.code, status.message = code, text
    wanted = [
        (r.with_error_info, "google.rpc.ErrorInfo",
         'reason: "DEMO" domain: "demo.postern" metadata { key: "k" value: "v" }'),
        (r.with_retry_info, "google.rpc.RetryInfo", "retry_delay { seconds: 2 }"),
        (r.with_bad_request, "google.rpc.BadRequest",
         'field_violations { field: "text" description: "too short" }'),
    ]
    for on, name, content in wanted:
        if on:
            status.details.add().Pack(schema.new(name, content))
    if r.with_unknown_detail:
        d = status.details.add()
        d.type_url, d.value = "type.googleapis.com/nobody.Knows", b"\x08\x01"
    return status.SerializeToString()


def fail(call):
    r = call.request
    time.sleep(r.delay_ms / 1000)
    if r.code == 0:
        return call.output()
    trailers = [(k, base64.b64decode(v) if k.endswith("-bin") else v)
                for k, v in r.trailers.items()]
    if r.with_malformed_detail:
        trailers.append(("grpc-status-details-bin", b"\xff\xff\xff"))
    elif r.with_error_info or r.with_retry_info or r.with_bad_request or r.with_unknown_detail:
        trailers.append(("grpc-status-details-bin", status_details(call, r.code, r.message)))
    return call.fail(r.code, r.message, trailers)


def echo_stream(call):
    r = call.request
    for i in range(r.count):
        m = call.output()
        m.CopyFrom(r.message)
        m.id = i + 1
        yield m
        if i + 1 < r.count and r.interval_ms:
            time.sleep(r.interval_ms / 1000)
    if r.end_code:
        call.fail(r.end_code, r.end_message)


def sleep(call):
    d = call.request.duration
    call.ended.wait(d.seconds + d.nanos / 1e9)
    answer = call.output()
    answer.slept.CopyFrom(d)
    return answer


def generate(call):
    r, m = call.request, call.output()
    m.id, m.model, m.text = "gen-1", r.model, f"{r.prompt} ..."
    m.finish_reason, m.usage.prompt_tokens = 1, len(r.prompt.split())
    for k, v in r.labels.items():
        m.labels[k] = v
    return m


def stream_generate(call):
    n = call.request.max_tokens or 3
    for i in range(n):
        m = call.output()
        m.id, m.index, m.text = "gen-1", i, f"word{i} "
        if i == n - 1:
            m.finish_reason, m.usage.total_tokens = 2, n
        yield m


def summarize(call):
    pieces, m = list(call.requests), call.output()
    m.chunks, m.characters = len(pieces), sum(len(p.text) for p in pieces)
    m.model = pieces[0].model if pieces else ""
    return m


def chat(call):
    for turn, r in enumerate(call.requests, 1):
        m = call.output()
        m.turn, m.text = turn, f"you said {r.text}"
        yield m


SERVICES = {
    ECHO: lambda call: call.request, ECHO_STREAM: echo_stream, FAIL: fail, SLEEP: sleep,
    TEXT + "Generate": generate, TEXT + "StreamGenerate": stream_generate,
    TEXT + "Summarize": summarize, TEXT + "Chat": chat,
    "/inference.GRPCInferenceService/ServerLive": lambda call: call.output(live=True),
    "/inference.GRPCInferenceService/ServerReady": lambda call: call.output(ready=True),
}
