"""A real identity provider, oidc-provider: it issues, the gateway judges by what discovery, key set and introspection say."""
import base64
import json
import os
import pathlib
import signal
import time
import urllib.parse

import pytest

import h1
import idp
from harness import Process, assert_error, eventually, free_port

SECRET = "a secret: with/+%"
RPC = "demo.v1.Echo.Echo"


@pytest.fixture(scope="module")
def issuer(tmp_path_factory):
    port = free_port()
    here = pathlib.Path(__file__).parent
    p = Process(["node", here / "provider.mjs", str(port)], tmp_path_factory.mktemp("issuer"))
    p.port, p.url = port, f"http://127.0.0.1:{port}"
    assert eventually(lambda: "ready" in p.stdout(), 20, 0.05), p.stdout() + p.stderr()
    yield p
    p.kill()


def basic(client):
    pair = ":".join(urllib.parse.quote(x, safe="") for x in (client, SECRET))
    return ("Authorization", "Basic " + base64.b64encode(pair.encode()).decode())


def form(issuer, target, client="gateway", **parts):
    return h1.call(issuer.port, "POST", target, body=urllib.parse.urlencode(parts).encode(), headers=[
        basic(client), ("Content-Type", "application/x-www-form-urlencoded")])


def token(issuer, client="RS256", scope="infer", resource="urn:postern"):
    answer = form(issuer, "/token", client, grant_type="client_credentials", scope=scope, resource=resource)
    assert answer.status == 200, answer
    return answer.json["access_token"]


def gateway(start, demo_server, tmp_path, provider, **requirement):
    kind = next(k for k in provider if k != "name")
    return start(demo_server.target, {"auth": [provider], "overrides": [
        {"selector": "*", "policy": {"auth": {"anonymous": True}}},
        {"selector": RPC, "policy": {"auth": {"any_of": [{kind: provider["name"], **requirement}]}}}]})


def echo(g, token):
    return h1.call(g.port, "POST", "/v1/echo", json={"text": "x"}, headers=[("Authorization", f"Bearer {token}")])


@pytest.fixture
def by_discovery(start, backend, demo_server, issuer, tmp_path):
    g = gateway(start, demo_server, tmp_path, {"name": "corp", "jwt": {
        "issuer": issuer.url, "audiences": ["postern"]}}, scopes=["infer"])
    assert eventually(lambda: h1.call(g.admin, "GET", "/readyz").status == 200)
    return g


@pytest.mark.parametrize("alg", ["RS256", "ES256", "EdDSA"])
def test_its_tokens_let_in(by_discovery, issuer, alg):
    t = token(issuer, alg)
    assert json.loads(idp_part(t))["alg"] == alg
    assert echo(by_discovery, t).status == 200
    assert by_discovery.logged(1, lambda x: x["status"] == 200)[-1]["caller"] == alg


def idp_part(token):
    head = token.split(".")[0]
    return base64.urlsafe_b64decode(head + "=" * (-len(head) % 4))


def test_a_scope_that_was_not_granted_is_403(by_discovery, issuer):
    answer = echo(by_discovery, token(issuer, scope="admin"))
    assert_error(answer, 403, 7)
    assert 'error="insufficient_scope", scope="infer"' in answer.header("www-authenticate")


def test_tokens_of_somebody_else_do_not(by_discovery, issuer):
    t = token(issuer)
    head, claims, signature = t.split(".")
    for wrong in (t[:-8] + "AAAAAAAA", f"{head}.{claims}.", f"{signature}.{claims}.{head}",
                  token(issuer, resource="urn:opaque")):
        assert_error(echo(by_discovery, wrong), 401, 16)
    forged = idp.Key.get("RS256", "RS256-1").sign(idp.claims(iss=issuer.url, scope="infer"))
    assert_error(echo(by_discovery, forged), 401, 16)


def test_rotated_keys_are_fetched_when_a_token_names_one(by_discovery, issuer):
    old = token(issuer)
    assert echo(by_discovery, old).status == 200
    issuer.signal(signal.SIGHUP)
    assert eventually(lambda: "round" in issuer.stdout())
    began = time.monotonic()
    assert echo(by_discovery, token(issuer)).status == 200  # waits for the one fetch
    assert time.monotonic() - began < 1
    assert_error(echo(by_discovery, old), 401, 16)  # its key is no longer published


def test_introspection_follows_what_it_says(start, backend, demo_server, issuer, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text(SECRET + "\n")
    g = gateway(start, demo_server, tmp_path, {"name": "corp", "introspection": {
        "url": issuer.url + "/token/introspection", "client_id": "gateway", "client_secret_file": str(secret),
        "cache": "1s", "claims": {"id": "client_id"}}}, scopes=["infer"])
    t = token(issuer, "ES256", resource="urn:opaque")
    assert echo(g, t).status == 200
    assert g.logged(1)[0]["caller"] == "ES256"
    assert_error(echo(g, token(issuer, scope="admin", resource="urn:opaque")), 403, 7)
    assert_error(echo(g, "no-such-token"), 401, 16)
    assert form(issuer, "/token/revocation", "ES256", token=t).status == 200
    assert eventually(lambda: echo(g, t).status == 401, 4, 0.1)  # once the answer is no longer remembered


def test_an_outage_keeps_the_last_keys(by_discovery, issuer):
    t = token(issuer)
    assert echo(by_discovery, t).status == 200
    issuer.kill()
    assert echo(by_discovery, t).status == 200
    assert echo(by_discovery, t[:-4] + "AAAA").status == 401
    assert h1.call(by_discovery.admin, "GET", "/readyz").status == 200
