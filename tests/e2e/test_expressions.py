"""Conditions and metadata in the language of expressions: what is refused when it is loaded, and what they do."""
import json
import re
import subprocess

import pytest

import h1
from harness import POSTERN, REPO, assert_error

VECTORS = json.loads((REPO / "tests/vectors/expr/conditions.json").read_text())
GENERATE = "demo.v1.TextGeneration.Generate"
CLAIMS = [{"name": "models", "type": "LIST_STRING"}, {"name": "level", "type": "INT"},
          {"name": "score", "type": "DOUBLE"}, {"name": "admin", "type": "BOOL"}, {"name": "team"},
          {"name": "any", "type": "ANY"}]
TABLES = [{"name": "models", "rows": [{"key": "ops", "values": ["tiny"]}]}]


def policy(selector=GENERATE, **p):
    return {"overrides": [{"selector": selector, "policy": p}]}


def check(sets, tmp_path, config):
    path = tmp_path / "c.yaml"
    path.write_text(json.dumps(config))
    return subprocess.run([POSTERN, "--check", "--config", path, "--descriptors", sets["demo"],
                           "--upstream", "h:1"], capture_output=True, text=True)


def allow(*expressions):
    return [{"name": f"n{i}", "expr": e} for i, e in enumerate(expressions)]


# ---- when it is loaded ----

def test_a_hundred_good_ones_without_a_false_alarm(sets, tmp_path):
    assert len(VECTORS["good"]) >= 100
    config = policy(claims=CLAIMS, allow=allow(*VECTORS["good"]))
    ran = check(sets, tmp_path, {**config, "tables": TABLES})
    assert ran.returncode == 0, ran.stderr


def test_two_hundred_mistakes_each_with_its_place_and_what_would_be_right(sets, tmp_path):
    rows, seen = VECTORS["mistakes"], 0
    assert len(rows) >= 200
    for first in range(0, len(rows), 20):
        part = rows[first:first + 20]
        ran = check(sets, tmp_path, policy(allow=allow(*(r[0] for r in part))))
        assert ran.returncode == 1
        for i, (expression, at, says) in enumerate(part):
            expected = f"overrides[0].policy.allow[{i}].expr: " + (f"{at}: " if at else "") + says
            assert expected in ran.stderr, (expression, expected, ran.stderr)
            seen += 1
    assert seen == len(rows)


def test_the_place_in_a_proto_is_file_and_line_with_the_expression_and_a_caret(tmp_path, sets):
    from harness import protoc
    (tmp_path / "p.proto").write_text('''syntax = "proto3";
package p;
import "google/api/annotations.proto";
import "postern/v1/options.proto";
message M { string model = 1; }
service S {
  rpc Get(M) returns (M) {
    option (google.api.http) = { get: "/x" };
    option (postern.v1.method) = {
      allow { name: "a" expr: "request.modle == 'x'" }
    };
  }
}
''')
    made = protoc(tmp_path / "p.pb", "p.proto", include=[tmp_path])
    ran = subprocess.run([POSTERN, "--check", "--descriptors", made, "--upstream", "h:1"],
                         capture_output=True, text=True)
    assert re.fullmatch(r"\S*p\.proto:9: allow\[0\]\.expr: 1:9: p\.M has no field `modle`; did you mean `model`\?\n"
                        r"  request\.modle == 'x'\n"
                        r"          \^\^\^\^\^\n", ran.stderr), ran.stderr


@pytest.mark.parametrize("p, says", [
    ({"allow": [{"expr": "true"}]}, "allow[0].name: is missing"),
    ({"allow": [{"name": "a"}]}, "allow[0].expr: is missing"),
    ({"allow": [{"name": "a", "expr": "true"}, {"name": "a", "expr": "false"}]}, "is the name of allow[0] too"),
    ({"metadata": [{"key": "X-Upper", "value": "'x'"}]}, "is no metadata that a rule can set"),
    ({"metadata": [{"key": "grpc-status", "value": "'0'"}]}, "is no metadata that a rule can set"),
    ({"metadata": [{"key": "host", "value": "'x'"}]}, "is no metadata that a rule can set"),
    ({"metadata": [{"key": "x-request-id", "value": "'x'"}]}, "is no metadata that a rule can set"),
    ({"metadata": [{"key": "x", "value": "'x'"}, {"key": "x"}]}, "is set by metadata[0] already"),
    ({"metadata": [{"key": "x", "value": "1"}]}, "is of type int"),
    ({"metadata": [{"key": "x-bin", "value": "'a'"}]}, "carries bytes"),
    ({"metadata": [{"key": "x", "value": "response.text"}]}, "is not there yet"),
    ({"claims": [{"type": "INT"}], "allow": allow("true")}, "claims[0].name: is missing"),
])
def test_what_is_wrong_around_an_expression(sets, tmp_path, p, says):
    ran = check(sets, tmp_path, policy(**p))
    assert ran.returncode == 1 and says in ran.stderr, ran.stderr


def test_a_mistake_in_a_wide_override_is_told_once(sets, tmp_path):
    ran = check(sets, tmp_path, policy("demo.v1.*", allow=allow("nobody.knows")))
    assert ran.stderr.count("undeclared name `nobody`") == 1, ran.stderr
    assert "(rpc demo.v1." in ran.stderr


def test_dyn_can_be_refused(sets, tmp_path):
    config = policy(allow=allow("request.json_schema.type == 'object'"))
    assert check(sets, tmp_path, config).returncode == 0
    ran = check(sets, tmp_path, {**config, "expressions": {"refuse_dyn": True}})
    assert ran.returncode == 1 and "dyn" in ran.stderr, ran.stderr


def test_the_ceiling_of_steps_is_the_configurations(sets, tmp_path):
    config = policy(allow=allow("request.stop.all(a, request.stop.all(b, a != b))"))
    assert check(sets, tmp_path, config).returncode == 1
    assert check(sets, tmp_path, {**config, "expressions": {"max_items": 100}}).returncode == 0


# ---- when it runs ----

@pytest.fixture
def ruled(start, demo_server, backend):
    def make(**p):
        return start(demo_server.target, policy(**p))
    return make


def ask(g, model="tiny", headers=(), **more):
    return h1.call(g.port, "POST", f"/v1/models/{model}:generate", json={"prompt": "hi", **more}, headers=headers)


def test_a_condition_that_does_not_hold_is_403_with_its_name_alone(ruled, backend):
    g = ruled(allow=[{"name": "small-models", "expr": "request.model in ['tiny', 'small'] && request.max_tokens < 50"}])
    assert ask(g).status == 200
    for answer in (ask(g, "large"), ask(g, maxTokens=50)):
        assert assert_error(answer, 403, 7) == 'this call is not allowed: condition "small-models"'
    line = g.logged(1, lambda x: x["status"] == 403)[0]
    assert line["rule"] == "small-models" and "rule_error" not in line
    assert len(backend.calls) == 1


def test_a_condition_of_the_head_is_judged_before_the_body(ruled):
    g = ruled(allow=[{"name": "canary", "expr": "headers[?'x-canary'].orValue('') == '1'"}])
    with h1.Connection(g.port) as c:
        c.send(b"POST /v1/models/t:generate HTTP/1.1\r\nHost: g\r\nContent-Type: application/json\r\n"
               b"Content-Length: 50000000\r\nExpect: 100-continue\r\n\r\n")
        answer = c.response()
        assert answer.status == 403 and not answer.interim
    assert ask(g, headers=[("X-Canary", "1")]).status == 200
    assert ask(g, headers=[("X-Canary", "1"), ("x-canary", "1")]).status == 403


def test_a_failing_expression_denies_or_passes_as_it_says(ruled):
    g = ruled(allow=[{"name": "division", "expr": "10 / request.max_tokens > 1"}])
    assert ask(g, maxTokens=2).status == 200
    assert_error(ask(g, maxTokens=0), 403, 7)
    line = g.logged(1, lambda x: x["status"] == 403)[0]
    assert line["rule"] == "division" and line["rule_error"].startswith("division: "), line
    metrics = h1.call(g.admin, "GET", "/metrics").text
    assert re.search(r'postern_expression_errors_total\{[^}]*Generate[^}]*\} 1\n', metrics), metrics
    lenient = ruled(allow=[{"name": "division", "expr": "10 / request.max_tokens > 1", "on_error": "PASS"}])
    assert ask(lenient, maxTokens=0).status == 200


def test_conditions_of_all_levels_hold_and_the_same_name_replaces(start, demo_server, backend):
    g = start(demo_server.target, {"overrides": [
        {"selector": "demo.v1.*", "policy": {"allow": [{"name": "a", "expr": "headers[?'x'].orValue('') == 'a'"},
                                                       {"name": "b", "expr": "false"}]}},
        {"selector": GENERATE, "policy": {"allow": [{"name": "b", "expr": "true"}]}}]})
    assert ask(g, headers=[("x", "a")]).status == 200
    assert 'condition "a"' in assert_error(ask(g), 403, 7)


def test_metadata_is_made_and_cannot_be_forged(ruled, backend):
    g = ruled(metadata=[{"key": "x-model", "value": "request.model.upperAscii()"},
                        {"key": "x-team", "value": "headers[?'x-who']"},
                        {"key": "x-raw-bin", "value": "bytes(request.model)"},
                        {"key": "x-gone"},
                        {"key": "x-hard", "value": "headers['x-who']", "on_error": "PASS"}])
    forged = [("x-model", "evil"), ("x-team", "evil"), ("Grpc-Metadata-X-Team", "evil"), ("x-gone", "1"),
              ("x-hard", "evil"), ("x-kept", "1")]
    assert ask(g, headers=forged).status == 200
    seen = backend.calls[-1]
    assert {k: seen.values(k) for k in ("x-model", "x-team", "x-raw-bin", "x-gone", "x-hard", "x-kept")} == {
        "x-model": ["TINY"], "x-team": [], "x-raw-bin": [b"tiny"], "x-gone": [], "x-hard": [], "x-kept": ["1"]}
    assert ask(g, headers=[*forged, ("x-who", "blue")]).status == 200
    assert backend.calls[-1].values("x-team") == backend.calls[-1].values("x-hard") == ["blue"]


def test_conditions_see_headers_as_the_metadata_they_become(ruled, backend):
    g = ruled(allow=[{"name": "team", "expr": "metadata[?'x-team'].orValue('') == 'blue' && !('te' in metadata)"}])
    for name in ("X-Team", "Grpc-Metadata-X-Team"):
        assert ask(g, headers=[(name, "blue"), ("TE", "gzip")]).status == 200
    assert ask(g, headers=[("Grpc-Metadata-X-Team", "red")]).status == 403
    assert backend.calls[-1].values("x-team") == ["blue"]


def test_metadata_that_no_header_can_carry_is_403(ruled):
    g = ruled(metadata=[{"key": "x-prompt", "value": "request.prompt"}])
    assert ask(g).status == 200
    for bad in ("a\r\nx-injected: 1", "größe", " a", "\x7f"):
        answer = h1.call(g.port, "POST", "/v1/models/t:generate", json={"prompt": bad})
        assert_error(answer, 403, 7)


def test_a_streams_first_message_is_what_conditions_see(start, demo_server, backend):
    g = start(demo_server.target, policy("demo.v1.TextGeneration.Summarize",
                                         allow=[{"name": "m", "expr": "request.model == 'tiny'"}]))
    def send(*models):
        body = "".join(json.dumps({"model": m, "text": "x"}) + "\n" for m in models)
        return h1.call(g.port, "POST", "/v1/models/tiny:summarize", body=body,
                       headers=[("Content-Type", "application/x-ndjson")])
    assert send("tiny", "tiny").status == 200


def test_values_that_stand_in_several_pieces_or_not_at_all(ruled):
    g = ruled(allow=[{"name": "d", "expr": "request.max_time == duration('0s') && !has(request.max_time) && "
                                            "request.labels.size() == 0 && request.temperature == 0.0"}])
    assert ask(g).status == 200
    assert ask(g, labels={"a": "b"}).status == 403


# ---- postern explain --expr ----

def explain(sets, expression, *args, method=GENERATE):
    return subprocess.run([POSTERN, "explain", "--expr", expression, "--method", method, "--descriptors",
                           sets["demo"], *args], capture_output=True, text=True)


def test_explain_shows_type_cost_and_what_is_read(sets):
    ran = explain(sets, "request.model in ['a', 'tiny'] && caller.tier == 'gold'")
    assert ran.returncode == 0, ran.stderr
    shown = dict(line.split(None, 1) for line in ran.stdout.splitlines())
    assert shown["type"] == "bool" and shown["rpc"] == GENERATE
    assert shown["reads"] == "request.model, caller.tier"
    assert shown["when"] == "when the request message is complete"
    assert re.fullmatch(r"at most \d+ steps", shown["cost"])
    assert "value" not in shown


@pytest.mark.parametrize("expression, request_, line", [
    ("request.max_tokens * 2", {"maxTokens": 21}, "value     42"),
    ("request.stop.map(s, s.upperAscii())", {"stop": ["a", "b"]}, 'value     ["A", "B"]'),
    ("has(request.temperature)", {}, "value     false"),
    ("request.max_time", {"maxTime": "1.5s"}, "value     duration(\"1.5s\")"),
    ("10 / request.max_tokens", {}, "fails     division by zero"),
    ("caller.tier", {}, "fails     no such attribute"),
    ("request.model", {"modl": 1}, 'refused   400: modl: demo.v1.GenerateRequest has no field "modl" (at byte 1'),
])
def test_explain_tries_it_on_a_request(sets, expression, request_, line):
    ran = explain(sets, expression, "--request", json.dumps(request_))
    assert any(x.startswith(line) for x in ran.stdout.splitlines()), ran.stdout + ran.stderr
    assert ran.returncode == (0 if line.startswith("value") else 1)


def test_explain_refuses_what_makes_no_sense(sets):
    ran = explain(sets, "reqest.model")
    assert ran.returncode == 2 and "did you mean `request`?" in ran.stderr
    ran = explain(sets, "true", method="demo.v1.TextGeneration.Generat")
    assert ran.returncode == 2 and 'did you mean "demo.v1.TextGeneration.Generate"?' in ran.stderr
    for args in (["explain", "--expr", "1"], ["explain", "--method", GENERATE], ["--expr", "1"]):
        ran = subprocess.run([POSTERN, *args, "--descriptors", sets["demo"]], capture_output=True, text=True)
        assert ran.returncode == 2 and ran.stderr.count("\n") == 1, ran.stderr
