"""Who may call: API keys, tokens, key sets that rotate, authorization servers that lie."""
import base64
import hashlib
import json
import os
import re
import signal
import stat
import subprocess
import time
import urllib.parse

import pytest

import h1
import idp
from demo import ECHO
from harness import POSTERN, assert_error, eventually, metric
from idp import Key, claims, key_set

RPC = "demo.v1.Echo.Echo"


def config(auth, *providers, **more):
    """All of the demo, open but for Echo."""
    return {"auth": list(providers), "overrides": [
        {"selector": "*", "policy": {"auth": {"anonymous": True}}},
        {"selector": RPC, "policy": {"auth": auth, **more.pop("policy", {})}}], **more}


def keys(*args, **more):
    return subprocess.run([POSTERN, "keys", *map(str, args)], capture_output=True, text=True, **more)


def new_key(path, id, *args):
    made = keys("add", "--file", path, "--id", id, *args)
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


def echo(g, *headers, target="/v1/echo", **more):
    return h1.call(g.port, "POST", target, json={"text": "x"}, headers=headers, **more)


def bearer(token):
    return ("Authorization", f"Bearer {token}")


def refused(answer, status=401):
    """The same few words whatever was wrong, and a challenge."""
    text = assert_error(answer, status, {401: 16, 403: 7, 503: 14, 400: 3}[status])
    if status in (401, 403):
        assert answer.header("www-authenticate", "").startswith("Bearer"), answer
    return text


# ---- API keys ----

@pytest.fixture
def keyed(start, backend, demo_server, tmp_path):
    path = tmp_path / "keys.json"
    good = new_key(path, "good", "--tenant", "acme", "--tier", "gold", "--scope", "infer", "--scope", "read")
    g = start(demo_server.target, config({"any_of": [{"api_key": "k"}]},
                                         {"name": "k", "api_keys": {"file": str(path)}}), args=["--workers", "2"])
    g.keys, g.good = path, good
    return g


def test_a_key_lets_in_and_nothing_else_does(keyed):
    assert echo(keyed, ("x-api-key", keyed.good)).status == 200
    assert echo(keyed, bearer(keyed.good)).status == 200
    assert echo(keyed, ("authorization", f"bEaReR   {keyed.good}")).status == 200
    assert refused(echo(keyed)) == "this needs a credential"
    for wrong in ("x", keyed.good[:-1], keyed.good + "x", keyed.good.upper(), "pk_" + "A" * 43, "", "a" * 250):
        assert refused(echo(keyed, ("x-api-key", wrong))) in ("the credential is not valid",), wrong
    refused(echo(keyed, ("authorization", "Basic eDp5")))
    refused(echo(keyed, ("authorization", "Bearer")))
    refused(echo(keyed, ("x-api-key", b"\xc3\xa9\xff")))
    refused(echo(keyed, ("x-api-key", "a" * 8000)))
    assert keyed.logged(1, lambda x: x["status"] == 200)[0]["caller"] == "good"


def test_two_different_keys_are_no_key(keyed):
    assert refused(echo(keyed, ("x-api-key", keyed.good), ("x-api-key", "other-key-of-16-bytes")), 400)
    assert refused(echo(keyed, ("x-api-key", keyed.good), bearer("other")), 400)
    assert echo(keyed, ("x-api-key", keyed.good), bearer(keyed.good)).status == 200


@pytest.mark.parametrize("other", [lambda k: ("x-api-key", k), lambda k: ("X-Api-Key", ""), lambda k: ("x-api-key", "another")])
def test_a_header_of_a_key_that_is_there_twice_is_400(keyed, other):
    assert "header x-api-key is there twice" in refused(echo(keyed, ("x-api-key", keyed.good), other(keyed.good)), 400)


@pytest.mark.parametrize("other", [lambda k: bearer(k), lambda k: bearer("another"), lambda k: ("authorization", "Basic eDp5")])
def test_an_authorization_that_is_there_twice_is_400(keyed, other):
    for headers in ((bearer(keyed.good), other(keyed.good)), (other(keyed.good), bearer(keyed.good))):
        assert "header authorization is there twice" in refused(echo(keyed, *headers), 400)


def test_a_key_in_the_query_is_none_unless_switched_on(keyed):
    for name in ("api_key", "key", "access_token", "whatever"):
        assert echo(keyed, target=f"/v1/echo?{name}={keyed.good}").status == 401
    assert [x["target"] for x in keyed.logged(4)[-4:]] == ["/v1/echo?***"] * 4
    assert keyed.good not in keyed.stdout() + keyed.stderr() + keyed.log.read_text()


def test_a_query_key_is_hidden_from_log_and_binding(start, backend, demo_server, tmp_path):
    path = tmp_path / "keys.json"
    good = new_key(path, "good")
    g = start(demo_server.target, config({"any_of": [{"api_key": "k"}]},
                                         {"name": "k", "api_keys": {"file": str(path), "query": "key"}}))
    assert echo(g, target=f"/v1/echo?key={good}").status == 200
    assert echo(g, target=f"/v1/echo?key={good[:-1]}").status == 401
    lines = g.logged(2)
    assert [x["target"] for x in lines] == ["/v1/echo?key=***", "/v1/echo?***"]
    assert good not in g.log.read_text()


@pytest.mark.parametrize("target", [
    "/v1/echo?key=%s", "/v1/echo?k%%65y=%s", "/nobody/is/here?key=%s", "/v1/echo?a=1&key=%s&key=two", "/v1/echo?key=%s&bogus=1",
    "/demo.v1.Echo/Sleep?key=%s", "/%%zz?key=%s", "/v1/echo?Key=%s", "/v1/echo?x=1;key=%s", "/v1/echo?key[]=%s",
    "/v1/echo?+key=%s", "/v1/echo?key%%00=%s", "/v1/echo#key=%s", "/v1/echo%%3fkey=%s", "/v1/echo?api_key=%s"])
def test_a_query_key_is_in_no_log_whatever_becomes_of_the_call(start, backend, demo_server, tmp_path, target):
    path = tmp_path / "keys.json"
    good = new_key(path, "good")
    g = start(demo_server.target, config({"any_of": [{"api_key": "k"}]},
                                         {"name": "k", "api_keys": {"file": str(path), "query": "key"}}))
    for headers in ((), (("content-type", "text/none"),), (("grpc-timeout", "soon"),), (("host", "!"),)):
        echo(g, *headers, target=target % good)
    assert "***" in g.logged(3)[0]["target"]
    assert good not in g.log.read_text() + g.stdout() + g.stderr()
    config_page = h1.call(g.admin, "GET", "/config")
    assert config_page.status == 200 and good.encode() not in config_page.body


def test_the_key_does_not_travel_on(keyed, backend):
    assert echo(keyed, ("x-api-key", keyed.good), bearer(keyed.good), ("x-other", "1")).status == 200
    seen = backend.calls[-1]
    assert seen.values("x-api-key") == seen.values("authorization") == []
    assert seen.values("x-other") == ["1"]


def test_a_revoked_key_is_refused_within_a_second_on_every_worker(keyed):
    assert echo(keyed, ("x-api-key", keyed.good)).status == 200
    assert keys("revoke", "--file", keyed.keys, "good").returncode == 0
    time.sleep(1)
    for _ in range(20):
        refused(echo(keyed, ("x-api-key", keyed.good)))


def test_a_reload_brings_no_revoked_key_back(keyed):
    """The keys that a reload has read may be older than those that are known by then."""
    for n in range(5):
        id, key = f"n{n}", new_key(keyed.keys, f"n{n}")
        assert eventually(lambda: echo(keyed, ("x-api-key", key)).status == 200, 2)
        keyed.signal(signal.SIGHUP)
        assert keys("revoke", "--file", keyed.keys, id).returncode == 0
        keyed.signal(signal.SIGHUP)
        time.sleep(1)
        for _ in range(6):
            refused(echo(keyed, ("x-api-key", key)))
    assert echo(keyed, ("x-api-key", keyed.good)).status == 200
    keyed.logged(1, lambda x: x["status"] == 200 and x.get("caller") == "good")


def test_the_file_of_keys_keeps_who_may_read_it(keyed):
    os.chmod(keyed.keys, 0o644)
    assert keys("revoke", "--file", keyed.keys, "good").returncode == 0
    assert stat.S_IMODE(os.stat(keyed.keys).st_mode) == 0o644
    before = os.stat(keyed.keys)
    if os.geteuid() == 0:
        os.chown(keyed.keys, 65534, 65534)
        new_key(keyed.keys, "more")
        assert os.stat(keyed.keys).st_uid == 65534 != before.st_uid


def test_providers_are_seen_in_the_metrics(keyed):
    def page():
        return h1.call(keyed.admin, "GET", "/metrics").body.decode()
    assert 'postern_auth_provider_ready{provider="k"} 1\n' in page()
    assert 'postern_auth_provider_keys{provider="k"} 1\n' in page()
    new_key(keyed.keys, "more")
    assert eventually(lambda: 'postern_auth_provider_keys{provider="k"} 2\n' in page(), 2)
    assert 'postern_auth_provider_refresh_failures_total{provider="k"} 0\n' in page()
    keyed.keys.write_text("no keys")
    assert eventually(lambda: 'postern_auth_provider_refresh_failures_total{provider="k"} 0\n' not in page(), 2)
    assert 'postern_auth_provider_ready{provider="k"} 1\n' in page()


def test_refusals_are_counted_by_method_and_reason(start, backend, demo_server, tmp_path):
    path = tmp_path / "keys.json"
    good, lacks = new_key(path, "good", "--scope", "infer"), new_key(path, "lacks")
    g = start(demo_server.target, config(
        {"any_of": [{"api_key": "k", "scopes": ["infer"]}]}, {"name": "k", "api_keys": {"file": str(path)}},
        {"name": "i", "introspection": {"url": "http://127.0.0.1:1/"}},
        policy={"allow": [{"name": "short", "expr": "size(request.text) < 3"}]}))

    def count(reason, method=RPC):
        return metric(g, "postern_auth_refusals_total", method=method, reason=reason)
    assert echo(g, ("x-api-key", good)).status == 200
    for _ in range(2):
        refused(echo(g))
    refused(echo(g, ("x-api-key", "no-such-key-anywhere")))
    refused(echo(g, ("x-api-key", good), ("x-api-key", lacks)), 400)
    refused(echo(g, ("x-api-key", lacks)), 403)
    assert h1.call(g.port, "POST", "/v1/echo", json={"text": "long"}, headers=[("x-api-key", good)]).status == 403
    g.logged(7)
    assert [count(r) for r in ("no_credential", "invalid_credential", "ambiguous", "missing_scope", "condition")] == [
        2, 1, 1, 1, 1]
    page = h1.call(g.admin, "GET", "/metrics").text
    assert page.count("postern_auth_refusals_total{") == 5
    assert "no-such-key" not in page and good not in page
    g.signal(signal.SIGHUP)
    time.sleep(0.5)
    assert count("no_credential") == 2                  # no series goes backwards


def test_callers_are_counted_by_their_ids_where_that_is_wanted(start, backend, demo_server, tmp_path):
    path = tmp_path / "keys.json"
    ids = {id: new_key(path, id) for id in ("team-a", "team-b", "team-c")}
    g = start(demo_server.target, config({"any_of": [{"api_key": "k"}]}, {"name": "k", "api_keys": {"file": str(path)}},
                                         metrics={"callers": 2}))
    for id, times in (("team-a", 3), ("team-b", 1), ("team-c", 2)):
        for _ in range(times):
            assert echo(g, ("x-api-key", ids[id])).status == 200
    refused(echo(g))
    g.logged(7)
    assert [metric(g, "postern_caller_requests_total", provider="k", caller=id, status="2xx") for id in ids] == [3, 1, None]
    assert metric(g, "postern_caller_requests_total", provider="", caller="", status="2xx") == 2
    page = h1.call(g.admin, "GET", "/metrics").text
    assert not any(key in page for key in ids.values())
    g.signal(signal.SIGHUP)
    time.sleep(0.5)
    assert metric(g, "postern_caller_requests_total", provider="k", caller="team-a", status="2xx") == 3
    assert echo(g, ("x-api-key", ids["team-a"])).status == 200
    assert eventually(lambda: metric(g, "postern_caller_requests_total", provider="k", caller="team-a", status="2xx") == 4)


def test_questions_to_an_authorization_server_are_counted(start, backend, demo_server, idp_server):
    answers = iter([(200, b'{"active":true,"sub":"alice"}'), (200, b'{"active":false}'), (500, b"")])

    def introspect(handler):
        status, body = next(answers)
        handler.reply(status, body)
    idp_server.paths["/introspect"] = introspect
    g = start(demo_server.target, config({"any_of": [{"introspection": "i"}]}, {
        "name": "i", "introspection": {"url": f"{idp_server.url}/introspect"}}))
    assert [echo(g, bearer(t)).status for t in ("one", "one", "two", "two", "three")] == [200, 200, 401, 401, 503]
    time.sleep(0.4)                                     # metrics are 0.25 s old
    assert [metric(g, f"postern_auth_question{n}", provider="i") for n in (
        "s_total", "_failures_total", "s_refused_total", "s_under_way")] == [3, 1, 0, 0]
    assert 0 < float(re.search(r'postern_auth_question_seconds_total{provider="i"} (\S+)',
                               h1.call(g.admin, "GET", "/metrics").text).group(1)) < 3
    assert metric(g, "postern_auth_refusals_total", method=RPC, reason="unavailable") == 1


def test_an_authorization_server_that_is_away_is_seen_and_comes_back(start, backend, demo_server, idp_server):
    good = b'{"active":true,"sub":"alice"}'
    idp_server.paths["/introspect"] = lambda h: h.reply(503, b"")
    g = start(demo_server.target, config({"any_of": [{"introspection": "i"}]}, {
        "name": "i", "introspection": {"url": f"{idp_server.url}/introspect"}}), args=["--workers", "2"])
    assert eventually(lambda: ready(g))                 # nobody has asked anything yet
    refused(echo(g, bearer("one")), 503)
    away = "auth i: the authorization server gives no answer"
    assert eventually(lambda: away in h1.call(g.admin, "GET", "/readyz").text, 2)
    assert metric(g, "postern_auth_provider_ready", provider="i") == 0
    idp_server.paths["/introspect"] = lambda h: h.reply(200, good)
    assert echo(g, bearer("two")).status == 200
    assert eventually(lambda: ready(g), 2)
    assert metric(g, "postern_auth_provider_ready", provider="i") == 1


def test_a_new_key_is_known_within_a_second_and_a_bad_file_changes_nothing(keyed):
    fresh = new_key(keyed.keys, "fresh", "--expires", "30d")
    time.sleep(1)
    assert echo(keyed, ("x-api-key", fresh)).status == 200
    keyed.keys.write_text('{"keys": [{"id": "x", "hash": "md5:1"}]}')
    assert eventually(lambda: "keys[0].hash" in keyed.stderr(), 3), keyed.stderr()
    assert echo(keyed, ("x-api-key", fresh)).status == 200


def test_a_file_that_is_gone_or_broken_is_seen_and_the_keys_read_before_stay(keyed):
    assert eventually(lambda: ready(keyed))
    good = keyed.keys.read_text()
    def pipe():
        keyed.keys.unlink()
        os.mkfifo(keyed.keys)
    for spoil, says in ((keyed.keys.unlink, "auth k: the file is gone; the keys read before stay"),
                        (lambda: keyed.keys.write_text("{"), "keys.json: "), (pipe, "is no regular file")):
        spoil()
        assert eventually(lambda: [r for r in amiss(keyed) if says in r], 3), amiss(keyed)
        assert ready(keyed) and echo(keyed, ("x-api-key", keyed.good)).status == 200
        assert metric(keyed, "postern_auth_provider_ready", provider="k") == 1
        keyed.keys.unlink(missing_ok=True)
        keyed.keys.write_text(good)
        assert eventually(lambda: amiss(keyed) == [], 3), amiss(keyed)


def test_an_expired_key_is_refused(keyed):
    old = new_key(keyed.keys, "old", "--expires", "30d")
    known = json.loads(keyed.keys.read_text())
    assert known["keys"][-1].pop("expires")
    known["keys"][-1]["expires"] = "2020-01-01T00:00:00Z"
    keyed.keys.write_text(json.dumps(known))
    time.sleep(1)
    refused(echo(keyed, ("x-api-key", old)))


def test_a_refused_upload_is_not_swallowed(keyed):
    with h1.Connection(keyed.port) as c:
        c.send(b"POST /v1/echo HTTP/1.1\r\nHost: g\r\nContent-Type: application/json\r\n"
               b"Content-Length: 60000000\r\nExpect: 100-continue\r\n\r\n")
        answer = c.response()
        assert answer.status == 401 and not answer.interim, answer


def test_the_identity_is_told_and_cannot_be_forged(start, backend, demo_server, tmp_path):
    path = tmp_path / "keys.json"
    good = new_key(path, "good", "--tenant", "acme", "--scope", "a", "--scope", "b")
    g = start(demo_server.target, config(
        {"any_of": [{"api_key": "k"}], "anonymous": True}, {"name": "k", "api_keys": {"file": str(path)}},
        identity={"id": "x-caller", "tenant": "x-tenant", "scopes": "x-scopes", "provider": "x-provider"}))
    forged = [("x-caller", "root"), ("X-Tenant", "evil"), ("Grpc-Metadata-X-Tenant", "evil"), ("x-scopes", "all")]
    assert echo(g, ("x-api-key", good), *forged).status == 200
    seen = backend.calls[-1]
    assert [seen.values(k) for k in ("x-caller", "x-tenant", "x-scopes", "x-provider")] == [
        ["good"], ["acme"], ["a b"], ["k"]]
    assert echo(g, *forged).status == 200
    assert all(backend.calls[-1].values(k) == [] for k in ("x-caller", "x-tenant", "x-scopes"))
    refused(echo(g, ("x-api-key", "no-such-key-anywhere")))


@pytest.mark.parametrize("forward", [False, True])
def test_nothing_that_nobody_has_judged_travels_behind_a_prefix(start, backend, demo_server, tmp_path, forward):
    path = tmp_path / "keys.json"
    good = new_key(path, "good")
    g = start(demo_server.target, config({"any_of": [{"api_key": "k"}]},
                                         {"name": "k", "api_keys": {"file": str(path)}, "forward": forward}))
    forged = [("Grpc-Metadata-Authorization", "Bearer forged"), ("grpc-metadata-x-api-key", "forged")]
    for sent in ([*forged, ("x-api-key", good)], [*forged, bearer(good)]):
        assert echo(g, *sent).status == 200
        seen = backend.calls[-1]
        assert "forged" not in str(seen.values("authorization") + seen.values("x-api-key"))
        assert len(seen.values("authorization") + seen.values("x-api-key")) == forward


@pytest.mark.parametrize("expr", ['metadata["x-uid"] == "admin"', 'headers["x-uid"] == "admin"',
                                  '"x-uid" in metadata || "x-uid" in headers'])
def test_a_client_cannot_say_to_expressions_who_it_is(start, demo_server, tmp_path, expr):
    path = tmp_path / "keys.json"
    good = new_key(path, "good")
    made = config({"any_of": [{"api_key": "k"}]}, {"name": "k", "api_keys": {"file": str(path)}}, identity={"id": "x-uid"})
    made["overrides"][0]["policy"]["allow"] = [{"name": "admins", "expr": expr}]
    g = start(demo_server.target, made)
    for name in ("X-Uid", "Grpc-Metadata-X-Uid"):
        assert echo(g, ("x-api-key", good), (name, "admin")).status == 403


@pytest.mark.parametrize("asks", ["nothing", "anonymous", "another"])
@pytest.mark.parametrize("forward", [False, True])
def test_a_credential_ends_here_whatever_the_method_asks_for(start, backend, demo_server, tmp_path, asks, forward):
    """A secret of the client's is none of an upstream's that has no need of it."""
    path = tmp_path / "keys.json"
    good, other = new_key(path, "good"), new_key(path, "other")
    providers = [{"name": "k", "api_keys": {"file": str(path), "headers": ["x-api-key"], "query": "key"}, "forward": forward},
                 {"name": "o", "api_keys": {"file": str(path), "headers": ["x-other-key"], "bearer": False}}]
    auth = {"nothing": None, "anonymous": {"anonymous": True}, "another": {"any_of": [{"api_key": "o"}]}}[asks]
    g = start(demo_server.target, {"auth": providers, "overrides": [{"selector": "*", "policy": {"auth": auth}}] if auth else []})
    sent = [("x-api-key", good), bearer(good), ("authorization", "Basic eDp5"), ("x-other-key", other)]
    assert echo(g, *sent).status == 200
    seen = backend.calls[-1]
    assert seen.values("x-api-key") == ([good] if forward else [])
    assert sorted(seen.values("authorization")) == sorted(([f"Bearer {good}"] if forward else []) + ["Basic eDp5"])
    assert seen.values("x-other-key") == []
    assert echo(g, ("x-other-key", other), target=f"/v1/echo?key={good}").status == 200
    assert good not in g.log.read_text()


def test_a_parameter_of_a_key_stays_where_it_is_a_field(start, backend, demo_server, tmp_path):
    """Where nobody reads it as a key it has always meant something else; where it means nothing it is nothing."""
    path = tmp_path / "keys.json"
    good = new_key(path, "good")
    g = start(demo_server.target, {"auth": [{"name": "k", "api_keys": {"file": str(path), "query": "family"}}]})
    assert h1.call(g.port, "GET", "/v1/models?family=tiny").status == 200
    assert list(backend.calls[-1].request.family) == ["tiny"]
    assert echo(g, target=f"/v1/echo?family={good}").status == 200
    assert good not in g.log.read_text()


def test_one_place_and_two_providers_the_methods_own_says(start, backend, demo_server, tmp_path):
    path = tmp_path / "keys.json"
    good = new_key(path, "good")
    providers = [{"name": "k", "api_keys": {"file": str(path)}, "forward": True},
                 {"name": "o", "api_keys": {"file": str(path)}}]
    g = start(demo_server.target, {"auth": providers, "overrides": [
        {"selector": "*", "policy": {"auth": {"any_of": [{"api_key": "o"}]}}},
        {"selector": RPC, "policy": {"auth": {"any_of": [{"api_key": "k"}]}}}]})
    assert echo(g, bearer(good)).status == 200
    assert backend.calls[-1].values("authorization") == [f"Bearer {good}"]
    assert h1.call(g.port, "POST", "/v1/sleep", json={"duration": "0s"}, headers=[bearer(good)]).status == 200
    assert backend.calls[-1].values("authorization") == []


# ---- load errors ----

def test_a_token_for_anybody_is_worth_a_warning(sets, tmp_path):
    def check(**jwt):
        path = tmp_path / "c.yaml"
        path.write_text("overrides: []\n\nauth:\n  - " + json.dumps(
            {"name": "t", "jwt": {"issuer": "https://issuer.test", **jwt}}))
        return subprocess.run([POSTERN, "--check", "--config", path, "--descriptors", sets["demo"], "--upstream", "h:1"],
                              capture_output=True, text=True)
    warned = check()
    assert warned.returncode == 0 and "/v1/echo" in warned.stdout
    assert "c.yaml:4: warning: auth[0].jwt.audiences: is empty: a token that the issuer has made for" in warned.stderr
    assert "warning" not in check(audiences=["me"]).stderr


@pytest.mark.parametrize("url, clear", [
    ("http://idp.test/jwks", True), ("http://10.0.0.7:8080/jwks", True), ("http://127.0.0.1.idp.test/jwks", True),
    ("http://[fe80::1]:80/jwks", True), ("http://localhost.idp.test?localhost", True),
    ("https://idp.test/jwks", False), ("http://127.0.0.1:8080/jwks", False), ("http://127.9.9.9", False),
    ("http://[::1]:8080/jwks", False), ("http://LocalHost:8080/jwks", False)])
def test_plain_http_to_another_machine_is_worth_a_warning(sets, tmp_path, url, clear):
    def check(**provider):
        path = tmp_path / "c.yaml"
        path.write_text("overrides: []\n\nauth:\n  - " + json.dumps({"name": "t", **provider}))
        ran = subprocess.run([POSTERN, "--check", "--config", path, "--descriptors", sets["demo"], "--upstream", "h:1"],
                             capture_output=True, text=True)
        assert ran.returncode == 0, ran
        return ran.stderr
    plain = "c.yaml:4: warning: auth[0].{}: is plain http: {}"
    for member, jwt in (("jwks_url", {"jwks_url": url}), ("issuer", {"issuer": url})):
        told = check(jwt={"audiences": ["me"], **jwt})
        assert (plain.format(f"jwt.{member}", "whoever sits between") in told) == clear, told
        assert ("warning" in told) == clear, told
    told = check(introspection={"url": url})
    assert (plain.format("introspection.url", "the client's secret and every token") in told) == clear, told


def test_a_gateway_without_auth_is_told_once(sets):
    ran = subprocess.run([POSTERN, "--check", "--descriptors", sets["demo"], "--upstream", "h:1"],
                         capture_output=True, text=True)
    assert ran.returncode == 0 and ran.stderr == ""
    assert ran.stdout.endswith("\nnote: no auth is declared: every RPC is open\n") and "/v1/echo" in ran.stdout
    assert "(open)" not in ran.stdout


@pytest.mark.parametrize("auth, provider, says", [
    ({"any_of": [{"api_key": "x"}]}, {"name": "k", "api_keys": {"file": "F"}}, 'is no provider'),
    ({"any_of": [{"jwt": "k"}]}, {"name": "k", "api_keys": {"file": "F"}}, "is a provider of API keys, not of JWT"),
    ({"any_of": []}, {"name": "k", "api_keys": {"file": "F"}}, "lets nobody in"),
    ({"any_of": [{"scopes": ["a"]}]}, {"name": "k", "api_keys": {"file": "F"}}, "needs exactly one"),
    ({"any_of": [{"api_key": "k"}]}, {"name": "k", "api_keys": {"file": "/nonexistent"}},
     "c.yaml:1: auth[0].api_keys.file: /nonexistent: No such file or directory; `postern keys add"),
    ({"any_of": [{"api_key": "k"}]}, {"name": "k", "api_keys": {"file": "BAD"}}, "keys[0].hash: must be"),
    ({"any_of": [{"jwt": "k"}]}, {"name": "k", "jwt": {}}, "has no keys"),
    ({"any_of": [{"jwt": "k"}]}, {"name": "k", "jwt": {"jwks_file": "BAD"}}, "none of its 1 keys verifies"),
    ({"any_of": [{"jwt": "k"}]}, {"name": "k", "jwt": {"jwks_url": "ftp://x"}}, "is no URL"),
    ({"any_of": [{"jwt": "k"}]}, {"name": "k", "jwt": {"issuer": "https://i", "algorithms": ["none"]}}, "is none of"),
    ({"any_of": [{"jwt": "k"}]},
     {"name": "k", "jwt": {"issuer": "https://i", "algorithms": ["RS256", "HS256"]}}, "mixes public keys"),
    ({"any_of": [{"client_certificate": "k"}]}, {"name": "k", "client_certificate": {}}, "needs TLS"),
    ({"any_of": [{"api_key": "k"}]}, {"name": "k"}, "is of no kind"),
])
def test_a_wrong_provider_is_a_load_error(sets, tmp_path, auth, provider, says):
    (tmp_path / "F").write_text('{"keys": []}')
    (tmp_path / "BAD").write_text('{"keys": [{"id": "a", "hash": "x"}]}')
    path = tmp_path / "c.yaml"
    path.write_text(json.dumps(config(auth, provider)))
    ran = subprocess.run([POSTERN, "--check", "--config", path, "--descriptors", sets["demo"], "--upstream", "h:1"],
                         capture_output=True, text=True)
    assert ran.returncode == 1 and says in ran.stderr, ran.stderr
    assert "c.yaml:" in ran.stderr or "/" in ran.stderr


def test_nothing_is_open_by_omission(sets, tmp_path):
    (tmp_path / "F").write_text('{"keys": []}')
    path = tmp_path / "c.yaml"
    c = config({"any_of": [{"api_key": "k"}]}, {"name": "k", "api_keys": {"file": "F"}})
    del c["overrides"][0]
    path.write_text(json.dumps(c))
    ran = subprocess.run([POSTERN, "--check", "--config", path, "--descriptors", sets["demo"], "--upstream", "h:1"],
                         capture_output=True, text=True)
    assert ran.returncode == 1
    assert "demo.v1.Echo.Fail has no `auth`, though demo.v1.Echo.Echo of the same file has" in ran.stderr
    assert "TextGeneration" not in ran.stderr


def test_a_key_has_limits_of_its_own(start, backend, demo_server, tmp_path):
    path = tmp_path / "keys.json"
    few, many, plain = new_key(path, "few", "--limit", "calls=3"), new_key(path, "many", "--limit", "calls=6", "--limit", "x=1"), \
        new_key(path, "plain")
    g = start(demo_server.target, config({"any_of": [{"api_key": "k"}]}, {"name": "k", "api_keys": {"file": str(path)}}, policy={
        "limit": [{"name": "own", "key": "caller.key", "rate": "60000/h", "algorithm": "FIXED_WINDOW",
                   "cost": "60000 / caller.limits[?'calls'].orValue(2)"}]}))
    got = {key: [echo(g, ("x-api-key", key)).status for _ in range(8)].count(200) for key in (few, many, plain)}
    assert got == {few: 3, many: 6, plain: 2}
    for wrong in ("calls", "calls=", "calls=0", "calls=-1", "calls=x", "=1"):
        made = keys("add", "--file", path, "--id", "wrong", "--limit", wrong)
        assert made.returncode == 1 and "NAME=NUMBER" in made.stderr, wrong


# ---- tokens ----

ALGS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]


@pytest.fixture(scope="module")
def tokens(sets, demo_server, tmp_path_factory):
    """A gateway that takes tokens of a key of each kind."""
    from harness import Gateway
    folder = tmp_path_factory.mktemp("tokens")
    kinds = [Key.get("RS256"), Key.get("ES256"), Key.get("ES384"), Key.get("ES512"), Key.get("EdDSA")]
    (folder / "jwks.json").write_text(json.dumps(key_set(*kinds)))
    (folder / "secret.json").write_text(json.dumps(key_set(Key.get("HS256"))))
    rules = {"issuer": "https://issuer.test", "audiences": ["postern", "other"]}
    g = Gateway(folder / "g", sets["demo"], demo_server.target, config(
        {"any_of": [{"jwt": "t", "scopes": []}, {"jwt": "s"}]},
        {"name": "t", "jwt": {**rules, "jwks_file": str(folder / "jwks.json")}},
        {"name": "s", "jwt": {**rules, "jwks_file": str(folder / "secret.json"), "algorithms": ["HS256"]}}))
    yield g
    g.stop()


@pytest.mark.parametrize("alg", ALGS)
def test_each_algorithm_is_verified(tokens, backend, alg):
    key = Key.get("RS256") if alg[:2] in ("RS", "PS") else Key.get(alg)
    token = idp.jwt.encode(claims(), key.private, alg, {"kid": key.kid})
    assert echo(tokens, bearer(token)).status == 200
    assert echo(tokens, bearer(token)).status == 200    # from the cache
    head, body, signature = token.split(".")
    flipped = bytearray(base64.urlsafe_b64decode(signature + "=="))
    flipped[len(flipped) // 2] ^= 1
    refused(echo(tokens, bearer(f"{head}.{body}.{base64.urlsafe_b64encode(flipped).rstrip(b'=').decode()}")))


def test_a_key_and_a_token_side_by_side(start, backend, demo_server, tmp_path):
    """The key in its header, the token behind Bearer: both may be asked for, or either be enough."""
    path, key = tmp_path / "keys.json", Key.get("ES256")
    good, token, bad = new_key(path, "good"), key.sign(claims()), Key.get("ES256", "stranger").sign(claims())
    (tmp_path / "jwks.json").write_text(json.dumps(key_set(key)))
    providers = [{"name": "k", "api_keys": {"file": str(path)}}, {"name": "j", "jwt": {"jwks_file": str(tmp_path / "jwks.json")}}]
    both = start(demo_server.target, config({"any_of": [{"all_of": [{"jwt": "j"}, {"api_key": "k"}]}]}, *providers))
    either = start(demo_server.target, config({"any_of": [{"jwt": "j"}, {"api_key": "k"}]}, *providers))
    asked = [(g, *sent) for sent in (
        (("x-api-key", good), bearer(token)), (("x-api-key", good), bearer(bad)), (("x-api-key", "no-key-of-theirs"), bearer(token)),
        (("x-api-key", good),), (bearer(good),), (bearer(token),)) for g in (both, either)]
    assert [echo(g, *sent).status for g, *sent in asked] == [200, 200, 401, 200, 401, 200, 401, 200, 401, 200, 401, 200]
    assert backend.calls[-1].values("authorization") == []
    assert echo(either, bearer(good), bearer(token)).status == 400


def test_fifty_signatures_of_each_curve(tokens, backend):
    """r and s have leading zeros and high bits now and then."""
    for alg in ("ES256", "ES384", "ES512"):
        for i in range(50):
            assert echo(tokens, bearer(Key.get(alg).sign(claims(jti=str(i))))).status == 200


def test_shared_secrets_where_configured(tokens, backend):
    assert echo(tokens, bearer(Key.get("HS256").sign(claims()))).status == 200


def raw(header, payload, signature=b"x"):
    def part(v):
        v = v if isinstance(v, bytes) else json.dumps(v).encode()
        return base64.urlsafe_b64encode(v).rstrip(b"=").decode()
    return ".".join(map(part, (header, payload, signature)))


def signed(header, payload, key="ES256"):
    """Any bytes at all, truly signed."""
    part = lambda v: base64.urlsafe_b64encode(v if isinstance(v, bytes) else json.dumps(v).encode()).rstrip(b"=")
    head = part(header) + b"." + part(payload)
    alg = idp.jwt.get_algorithm_by_name(key) if hasattr(idp.jwt, "get_algorithm_by_name") else \
        idp.jwt.algorithms.get_default_algorithms()[key]
    return (head + b"." + base64.urlsafe_b64encode(alg.sign(head, Key.get(key).private)).rstrip(b"=")).decode()


ES = {"alg": "ES256", "kid": "es256"}
# One thing wrong with each; the whole of section 2.6 of the catalogue.
BAD_TOKENS = {
    "alg none": lambda: raw({"alg": "none"}, claims(), b""),
    "alg None": lambda: raw({"alg": "None", "kid": "rs256"}, claims()),
    "alg empty": lambda: raw({"alg": ""}, claims()),
    "no alg": lambda: raw({"kid": "es256"}, claims()),
    "public key as secret": lambda: signed_hmac(),
    "alg of another key": lambda: idp.jwt.encode(claims(), Key.get("ES256").private, "ES256", {"kid": "rs256"}),
    "kid path": lambda: Key.get("ES256").sign(claims(), kid="../../etc/passwd"),
    "kid sql": lambda: Key.get("ES256").sign(claims(), kid="' or 1=1 --"),
    "kid long": lambda: Key.get("ES256").sign(claims(), kid="k" * 5000),
    "kid number": lambda: signed({"alg": "ES256", "kid": 7}, claims()),
    "foreign key": lambda: Key.get("ES256", "stranger").sign(claims(), kid="es256"),
    "jwk in header": lambda: Key.get("ES256", "stranger").sign(claims(), jwk=Key.get("ES256", "stranger").jwk,
                                                               kid="es256"),
    "expired": lambda: Key.get("ES256").sign(claims(exp=int(time.time()) - 61)),
    "no exp": lambda: Key.get("ES256").sign(claims(exp=None)),
    "not yet": lambda: Key.get("ES256").sign(claims(nbf=int(time.time()) + 90)),
    "issued in the future": lambda: Key.get("ES256").sign(claims(iat=int(time.time()) + 90)),
    "wrong aud": lambda: Key.get("ES256").sign(claims(aud="else")),
    "wrong auds": lambda: Key.get("ES256").sign(claims(aud=["else", "where"])),
    "no aud": lambda: Key.get("ES256").sign(claims(aud=None)),
    "wrong iss": lambda: Key.get("ES256").sign(claims(iss="https://issuer.test/")),
    "no iss": lambda: Key.get("ES256").sign(claims(iss=None)),
    "exp 1e400": lambda: signed(ES, b'{"iss":"https://issuer.test","aud":"postern","exp":1e400}'),
    "exp -1": lambda: signed(ES, claims(exp=-1)),
    "exp text": lambda: signed(ES, claims(exp="9999999999")),
    "exp 2^63": lambda: signed(ES, claims(exp=2**63)),
    "crit": lambda: signed({**ES, "crit": ["x"], "x": 1}, claims()),
    "b64 false": lambda: signed({**ES, "b64": False}, claims()),
    "signature cut": lambda: Key.get("ES256").sign(claims())[:-4],
    "signature empty": lambda: Key.get("ES256").sign(claims()).rsplit(".", 1)[0] + ".",
    "signature longer": lambda: Key.get("ES256").sign(claims()) + "AAAA",
    "padding": lambda: Key.get("ES256").sign(claims()) + "==",
    "four parts": lambda: Key.get("ES256").sign(claims()) + ".x",
    "two parts": lambda: Key.get("ES256").sign(claims()).rsplit(".", 1)[0],
    "zero signature": lambda: raw_signed_zero(),
    "der signature": lambda: der_signature(),
    "duplicate claim": lambda: signed(ES, json.dumps(claims())[:-1].encode() + b',"sub":"bob"}'),
    "duplicate header": lambda: signed(b'{"alg":"ES256","kid":"es256","kid":"es256"}', claims()),
    "payload no object": lambda: signed(ES, b'["x"]'),
    "payload no json": lambda: signed(ES, b'{"a":1,}'),
    "payload bad utf-8": lambda: signed(ES, b'{"sub":"\xff"}'),
    "too long": lambda: Key.get("ES256").sign(claims(x="x" * 9000)),
    "garbage": lambda: "a.b.c",
    "dots": lambda: "..",
}


def signed_hmac():
    import hmac
    part = lambda v: base64.urlsafe_b64encode(v).rstrip(b"=")
    from cryptography.hazmat.primitives import serialization as s
    public = Key.get("RS256").private.public_key().public_bytes(s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo)
    head = part(b'{"alg":"HS256","kid":"rs256"}') + b"." + part(json.dumps(claims()).encode())
    return (head + b"." + part(hmac.new(public, head, hashlib.sha256).digest())).decode()


def raw_signed_zero():
    return Key.get("ES256").sign(claims()).rsplit(".", 1)[0] + "." + "A" * 86


def der_signature():
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    head = Key.get("ES256").sign(claims()).rsplit(".", 1)[0]
    der = Key.get("ES256").private.sign(head.encode(), ec.ECDSA(hashes.SHA256()))
    return head + "." + base64.urlsafe_b64encode(der).rstrip(b"=").decode()


@pytest.mark.parametrize("case", BAD_TOKENS)
def test_a_token_with_one_thing_wrong_does_not_get_in(tokens, case):
    answer = echo(tokens, bearer(BAD_TOKENS[case]()))
    assert answer.status == 431 if case == "too long" and answer.status == 431 else refused(answer), answer


def test_what_is_right_about_times_and_audiences(tokens, backend):
    now = int(time.time())
    for good in (dict(exp=now - 50), dict(nbf=now + 50), dict(aud=["x", "other"]), dict(exp=now + 5.5)):
        assert echo(tokens, bearer(Key.get("ES256").sign(claims(**good)))).status == 200, good
    assert echo(tokens, bearer(Key.get("ES256").sign(claims(), kid=None))).status == 200


def test_the_log_says_what_the_client_is_not_told(tokens):
    refused(echo(tokens, bearer(BAD_TOKENS["expired"]()), ("x-request-id", "told")))
    line = tokens.logged(1, lambda x: x["request_id"] == "told")[0]
    assert line["rule_error"] == "auth: the token has expired"


# ---- key sets from a URL ----

def jwks_gateway(start, backend, server, **jwt):
    g = start(backend.target, config({"any_of": [{"jwt": "t"}]},
                                     {"name": "t", "jwt": {"jwks_url": f"{server.url}/jwks", **jwt}}))
    return g


@pytest.fixture
def idp_server():
    s = idp.Server({"/jwks": key_set(Key.get("ES256"))})
    yield s
    s.stop()


def ready(g):
    return h1.call(g.admin, "GET", "/readyz").status == 200


def amiss(g):
    return h1.call(g.admin, "GET", "/readyz").json["reasons"]


def test_keys_rotate_without_a_lost_call(start, backend, demo_server, idp_server):
    g = jwks_gateway(start, demo_server, idp_server)
    assert eventually(lambda: ready(g))
    assert echo(g, bearer(Key.get("ES256").sign(claims()))).status == 200
    idp_server.paths["/jwks"] = key_set(Key.get("ES256", "next"))
    assert echo(g, bearer(Key.get("ES256", "next").sign(claims()))).status == 200
    refused(echo(g, bearer(Key.get("ES256").sign(claims()))))
    assert len(idp_server.asked("/jwks")) == 2


def test_a_flood_of_unknown_kids_causes_one_fetch(start, backend, demo_server, idp_server):
    g = jwks_gateway(start, demo_server, idp_server)
    assert eventually(lambda: ready(g))
    began = time.monotonic()
    for i in range(300):
        refused(echo(g, bearer(Key.get("ES256").sign(claims(), kid=f"k{i}"))))
    assert len(idp_server.asked("/jwks")) == 2
    assert time.monotonic() - began < 10


def test_no_keys_yet_is_503_and_not_ready_then_recovers(start, backend, demo_server):
    s = idp.Server({})
    g = jwks_gateway(start, demo_server, s)
    token = Key.get("ES256").sign(claims())
    refused(echo(g, bearer(token)), 503)
    assert refused(echo(g)) == "this needs a credential"
    page = h1.call(g.admin, "GET", "/readyz")
    assert page.status == 503 and "auth t: there are no keys" in page.text
    s.paths["/jwks"] = key_set(Key.get("ES256"))
    assert eventually(lambda: ready(g), 8)
    assert echo(g, bearer(token)).status == 200
    s.stop()


def huge(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", str(1 << 30))
    handler.end_headers()
    try:
        for _ in range(1 << 14):
            handler.wfile.write(b" " * 65536)
    except OSError:
        pass


LIES = {
    "gone": None, "empty": b"", "html": b"<html>", "too large": huge, "no keys": {"keys": []},
    "weak": {"keys": [{"kty": "RSA", "kid": "w", "n": idp.b64((1 << 511) + 1), "e": "AQAB"}]},
    "redirect": lambda h: h.reply(302, b"", Location=f"http://127.0.0.1:{h.server.server_address[1]}/other"),
    "500": lambda h: h.reply(500, key_set(Key.get("ES256", "evil"))),
    "never": lambda h: time.sleep(30),
}


@pytest.mark.parametrize("lie", LIES)
def test_the_last_good_keys_stay_whatever_the_server_says(start, backend, demo_server, idp_server, lie):
    idp_server.paths["/other"] = key_set(Key.get("ES256", "evil"))
    g = jwks_gateway(start, demo_server, idp_server, refresh="1s")
    token = Key.get("ES256").sign(claims())
    assert eventually(lambda: echo(g, bearer(token)).status == 200)
    idp_server.paths["/jwks"] = LIES[lie]
    seen = len(idp_server.asked("/jwks"))
    assert eventually(lambda: len(idp_server.asked("/jwks")) > seen, 5)
    time.sleep(0.3)
    assert echo(g, bearer(token)).status == 200
    refused(echo(g, bearer(Key.get("ES256", "evil").sign(claims()))))
    assert not g.rss_kib() > 60000
    assert eventually(lambda: "auth t: the key set cannot be fetched: " in "".join(amiss(g)), 8)
    assert ready(g)                                     # degraded, and yet it can judge
    idp_server.paths["/jwks"] = key_set(Key.get("ES256"))
    assert eventually(lambda: amiss(g) == [], 8)


def test_a_key_at_fault_is_passed_over_and_told(start, backend, demo_server, idp_server):
    good, weak = Key.get("ES256"), {"kty": "RSA", "kid": "w", "n": idp.b64((1 << 511) + 1), "e": "AQAB"}
    idp_server.paths["/jwks"] = {"keys": [weak, {"kty": "quantum", "kid": "q"}, *key_set(good)["keys"]]}
    g = jwks_gateway(start, demo_server, idp_server, refresh="1s")
    assert eventually(lambda: echo(g, bearer(good.sign(claims()))).status == 200)
    for kid in ("w", "q"):
        refused(echo(g, bearer(Key.get("RS256").sign(claims(), kid=kid))))
    assert "1 of the fetched keys cannot be used: keys[0]: an RSA key of 512 bits" in g.stderr()
    page = h1.call(g.admin, "GET", "/metrics").text
    assert 'postern_auth_provider_keys_faulty{provider="t"} 1\n' in page
    assert 'postern_auth_provider_keys{provider="t"} 1\n' in page


def test_a_set_that_is_fetched_again_unchanged_costs_no_verifying(start, backend, demo_server, idp_server):
    """Seen by its complaint, which a set makes when it is taken: once, however often it is fetched."""
    good, weak = Key.get("ES256"), {"kty": "oct", "kid": "w", "k": "AAAA"}
    idp_server.paths["/jwks"] = {"keys": [weak, *key_set(good)["keys"]]}
    g = jwks_gateway(start, demo_server, idp_server, refresh="1s")
    token = good.sign(claims())
    assert eventually(lambda: len(idp_server.asked("/jwks")) >= 3 and echo(g, bearer(token)).status == 200, 8)
    assert g.stderr().count("cannot be used") == 1
    page = h1.call(g.admin, "GET", "/metrics").text
    assert 'postern_auth_provider_refreshes_total{provider="t"} 0\n' not in page
    idp_server.paths["/jwks"] = key_set(Key.get("RS256"))
    assert eventually(lambda: echo(g, bearer(token)).status == 401, 5)


def test_discovery_by_issuer(start, backend, demo_server, idp_server):
    issuer = idp_server.url
    idp_server.paths["/.well-known/openid-configuration"] = {"issuer": issuer, "jwks_uri": f"{issuer}/jwks"}
    g = start(demo_server.target, config({"any_of": [{"jwt": "t"}]}, {"name": "t", "jwt": {"issuer": issuer}}))
    assert eventually(lambda: ready(g))
    assert echo(g, bearer(Key.get("ES256").sign(claims(iss=issuer)))).status == 200
    refused(echo(g, bearer(Key.get("ES256").sign(claims()))))


def test_discovery_that_names_another_issuer_is_not_believed(start, backend, demo_server, idp_server):
    idp_server.paths["/.well-known/openid-configuration"] = {
        "issuer": "http://evil", "jwks_uri": f"{idp_server.url}/jwks"}
    g = start(demo_server.target, config({"any_of": [{"jwt": "t"}]},
                                         {"name": "t", "jwt": {"issuer": idp_server.url}}))
    assert eventually(lambda: "names another issuer" in g.stderr(), 3)
    refused(echo(g, bearer(Key.get("ES256").sign(claims(iss=idp_server.url)))), 503)
    assert idp_server.asked("/jwks") == []


# ---- introspection ----

def introspect(tmp_path, server, **more):
    (tmp_path / "secret").write_text("s3cr:t&\n")
    return {"name": "i", "introspection": {"url": f"{server.url}/introspect", "client_id": "post ern",
                                           "client_secret_file": str(tmp_path / "secret"), **more}}


def active(handler):
    token = urllib.parse.parse_qs(handler.body)["token"][0]
    handler.reply(200, {"active": token.startswith("good"), "sub": "bob", "scope": "infer read",
                        "exp": int(time.time()) + 60})


def test_a_token_is_asked_about_once(start, backend, demo_server, tmp_path):
    s = idp.Server({"/introspect": active})
    g = start(demo_server.target, config({"any_of": [{"introspection": "i", "scopes": ["infer"]}]},
                                         introspect(tmp_path, s)))
    for _ in range(5):
        assert echo(g, bearer("good+&=1")).status == 200
        refused(echo(g, bearer("bad")))
    assert len(s.seen) == 2
    path, body, headers = s.seen[0]
    assert headers["Authorization"] == "Basic " + base64.b64encode(b"post%20ern:s3cr%3At%26").decode()
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    assert g.logged(1, lambda x: x["status"] == 200)[0]["caller"] == "bob"
    s.stop()


def test_without_a_cache_each_call_is_asked_about(start, backend, demo_server, tmp_path):
    s = idp.Server({"/introspect": active})
    g = start(demo_server.target, config({"any_of": [{"introspection": "i"}]}, introspect(tmp_path, s, cache="0s")))
    for token, status in (("good", 200), ("good", 200), ("bad", 401), ("bad", 401)):
        assert echo(g, bearer(token)).status == status
    assert len(s.seen) == 4
    s.stop()


def test_an_answer_that_holds_later_is_401(start, backend, demo_server, tmp_path):
    now = int(time.time())
    s = idp.Server({"/introspect": lambda h: h.reply(200, {"active": True, "nbf": now + (3600 if "early" in h.body else 30)})})
    g = start(demo_server.target, config({"any_of": [{"introspection": "i"}]}, introspect(tmp_path, s)))
    refused(echo(g, bearer("early")))
    assert echo(g, bearer("within-skew")).status == 200
    s.stop()


def test_a_missing_scope_is_403(start, backend, demo_server, tmp_path):
    s = idp.Server({"/introspect": active})
    g = start(demo_server.target, config({"any_of": [{"introspection": "i", "scopes": ["infer", "admin"]}]},
                                         introspect(tmp_path, s)))
    answer = echo(g, bearer("good"))
    refused(answer, 403)
    assert answer.header("www-authenticate") == \
        'Bearer realm="postern", error="insufficient_scope", scope="infer admin"'
    s.stop()


def test_calls_with_one_token_wait_for_one_question(start, backend, demo_server, tmp_path):
    def slow(handler):
        time.sleep(0.3)
        active(handler)
    s = idp.Server({"/introspect": slow})
    g = start(demo_server.target, config({"any_of": [{"introspection": "i"}]}, introspect(tmp_path, s)))
    open_calls = [h1.Connection(g.port) for _ in range(20)]
    for c in open_calls:
        c.send(h1.request("POST", "/v1/echo", json={"text": "x"}, headers=[bearer("good")]))
    assert [c.response().status for c in open_calls] == [200] * 20
    assert len(s.seen) == 1
    for c in open_calls:
        c.sock.close()
    s.stop()


@pytest.mark.parametrize("answer", [None, b"", b"<html>", {"active": "yes"}, {}, huge,
                                    lambda h: h.reply(401, {"active": True}), lambda h: time.sleep(30)])
def test_an_authorization_server_that_makes_no_sense_is_503(start, backend, demo_server, tmp_path, answer):
    s = idp.Server({"/introspect": answer} if answer is not None else {})
    g = start(demo_server.target, config({"any_of": [{"introspection": "i"}]},
                                         introspect(tmp_path, s, timeout="500ms")))
    began = time.monotonic()
    refused(echo(g, bearer("good")), 503)
    assert time.monotonic() - began < 2
    s.paths["/introspect"] = active
    assert echo(g, bearer("good")).status == 200
    s.stop()


def test_a_client_that_leaves_while_its_token_is_asked_about(start, backend, demo_server, tmp_path):
    s = idp.Server({"/introspect": lambda h: (time.sleep(0.5), active(h))})
    g = start(demo_server.target, config({"any_of": [{"introspection": "i"}]}, introspect(tmp_path, s)))
    with h1.Connection(g.port) as c:
        c.send(h1.request("POST", "/v1/echo", json={"text": "x"}, headers=[bearer("good")]))
        time.sleep(0.1)
    assert g.logged(1)[0]["status"] == 499
    assert eventually(lambda: echo(g, bearer("good")).status == 200)
    s.stop()


def test_the_deadline_ends_the_waiting(start, backend, demo_server, tmp_path):
    s = idp.Server({"/introspect": lambda h: time.sleep(5)})
    g = start(demo_server.target, config({"any_of": [{"introspection": "i"}]}, introspect(tmp_path, s, timeout="5s")))
    assert_error(echo(g, bearer("good"), ("grpc-timeout", "200m")), 504, 4)
    s.stop()


def test_a_body_that_waits_for_the_answer_arrives_whole(start, backend, demo_server, tmp_path):
    s = idp.Server({"/introspect": lambda h: (time.sleep(0.2), active(h))})
    g = start(demo_server.target, config({"any_of": [{"introspection": "i"}]}, introspect(tmp_path, s)))
    text = "y" * 300000
    with h1.Connection(g.port) as c:
        c.send(h1.request("POST", "/v1/echo", json={"text": text}, headers=[bearer("good")]))
        answer = c.response()
    assert answer.status == 200 and answer.json["text"] == text
    s.stop()


# ---- several of them, conditions ----

def test_any_of_and_all_of(start, backend, demo_server, tmp_path):
    path = tmp_path / "keys.json"
    key = new_key(path, "machine", "--scope", "infer")
    (tmp_path / "jwks.json").write_text(json.dumps(key_set(Key.get("ES256"))))
    g = start(demo_server.target, config(
        {"any_of": [{"all_of": [{"jwt": "t"}, {"api_key": "k"}]}, {"jwt": "t", "scopes": ["alone"]}]},
        {"name": "k", "api_keys": {"file": str(path), "bearer": False}},
        {"name": "t", "jwt": {"jwks_file": str(tmp_path / "jwks.json")}}))
    token = Key.get("ES256").sign(claims())
    assert echo(g, bearer(token), ("x-api-key", key)).status == 200
    assert g.logged(1)[0]["caller"] == "alice"
    refused(echo(g, bearer(token)), 403)
    refused(echo(g, ("x-api-key", key)))
    assert echo(g, bearer(Key.get("ES256").sign(claims(scope="a alone b")))).status == 200


def test_conditions_see_caller_claims_and_tables(start, backend, demo_server, tmp_path):
    (tmp_path / "jwks.json").write_text(json.dumps(key_set(Key.get("ES256"))))
    g = start(demo_server.target, config(
        {"any_of": [{"jwt": "t"}]}, {"name": "t", "jwt": {"jwks_file": str(tmp_path / "jwks.json")}},
        policy={"claims": [{"name": "models", "type": "LIST_STRING"}, {"name": "level", "type": "INT"}],
                "allow": [{"name": "model", "expr": "request.text in claims.models || caller.roles.exists(r, "
                                                    "r in tables.may && request.text in tables.may[r])"},
                          {"name": "level", "expr": "!has(claims.level) || claims.level >= 3"}]},
        tables=[{"name": "may", "rows": [{"key": "ops", "values": ["x", "y"]}]}]))
    def ask(**more):
        return echo(g, bearer(Key.get("ES256").sign(claims(**more))))
    assert ask(models=["a", "x"]).status == 200
    assert ask(roles=["dev", "ops"]).status == 200
    assert 'condition "model"' in assert_error(ask(models=["a"]), 403, 7)
    assert_error(ask(roles="dev"), 403, 7)
    assert 'condition "level"' in assert_error(ask(models=["x"], level=2), 403, 7)
    assert ask(models=["x"], level=3.0).status == 200
    assert_error(ask(models=["x"], level="3"), 403, 7)
    assert_error(ask(models="x"), 403, 7)
    line = g.logged(1, lambda x: "another type" in x.get("rule_error", ""))[0]
    assert line["rule"] in ("level", "model")


# ---- a second implementation of tokens ----

@pytest.mark.parametrize("alg", ["RS256", "RS512", "PS384", "ES256", "ES384", "ES512", "HS256"])
def test_tokens_of_python_jose(start, backend, demo_server, tmp_path, alg):
    """PyJWT makes the others; where python-jose knows no PSS it is left out."""
    jose = pytest.importorskip("jose.jwt")
    from cryptography.hazmat.primitives import serialization
    key = Key.get(alg)
    (tmp_path / "jwks.json").write_text(json.dumps(key_set(key)))
    pem = key.private if isinstance(key.private, bytes) else key.private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    try:
        token = jose.encode(claims(), pem, alg, {"kid": key.kid})
    except Exception as e:
        pytest.skip(f"python-jose: {e}")
    g = start(demo_server.target, config({"any_of": [{"jwt": "j"}]}, {"name": "j", "jwt": {
        "issuer": "https://issuer.test", "jwks_file": str(tmp_path / "jwks.json"), "audiences": ["postern"],
        "algorithms": [alg]}}))
    assert echo(g, bearer(token)).status == 200
    head, body, signature = token.split(".")
    refused(echo(g, bearer(f"{head}.{body}.{signature[:-4]}AAAA")))


# ---- what the other commands tell ----

def test_check_and_explain_say_who_may_call(sets, tmp_path):
    path = tmp_path / "keys.json"
    new_key(path, "one")
    (tmp_path / "postern.yaml").write_text(json.dumps(config(
        {"any_of": [{"api_key": "k", "scopes": ["a", "b"]}, {"all_of": [{"api_key": "k"}, {"api_key": "k"}]}]},
        {"name": "k", "api_keys": {"file": str(path)}},
        policy={"allow": [{"name": "short", "expr": "size(request.text) < 9"}, {"name": "gold", "expr": "caller.tier == 'gold'"}],
                "metadata": [{"key": "x-tenant", "value": "caller.tenant"}]})))
    common = ["--config", tmp_path / "postern.yaml", "--descriptors", sets["demo"], "--upstream", "127.0.0.1:1"]
    checked = subprocess.run([POSTERN, "--check", *common], capture_output=True, text=True)
    lines = checked.stdout.splitlines()
    assert checked.returncode == 0 and len(lines) > 3, checked
    assert all(x.endswith("  (open)") != (RPC in x.split()) for x in lines), checked.stdout
    told = subprocess.run([POSTERN, "explain", "POST", "/v1/echo", *common], capture_output=True, text=True)
    for line in ["auth      k (API keys), scopes a b", "auth      or k (API keys); and k (API keys)",
                 "allow     short: size(request.text) < 9  (when the message is there)",
                 "allow     gold: caller.tier == 'gold'  (before the body is read)",
                 "metadata  x-tenant = caller.tenant"]:
        assert line in told.stdout, told
