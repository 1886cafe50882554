"""What asking who calls adds to a call: no auth at all, a key of a file of 1,000, a token signed by RS256 that is known
already. `sent` are the same headers to a method that asks nobody: read, and taken away, since a provider is declared that
reads them. Postern alone, all of them taking turns. Every answer is a 200, so every call has been let in.

Most of what a token costs is libmicrohttpd's: 23 instructions for each of its bytes, 15,000 for one of 634; judging it takes
4,000 (callgrind)."""
import hashlib
import json
import secrets
import time

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

import gateways
import turns

KEYS = 1000


def config(provider, kind):
    return {"auth": [provider], "overrides": [
        {"selector": "*", "policy": {"auth": {"any_of": [{kind: provider["name"], "scopes": ["infer"]}]}}}]}


def api_key():
    """The provider, and a header that it takes."""
    path, made = f"{gateways.out_dir()}/keys.json", ["pk_" + secrets.token_urlsafe(32) for _ in range(KEYS)]
    with open(path, "w", encoding="ascii") as f:
        json.dump({"keys": [{"id": f"key-{i}", "tenant": "acme", "scopes": ["infer", "read"],
                             "hash": "sha256:" + hashlib.sha256(key.encode()).hexdigest()}
                            for i, key in enumerate(made)]}, f)
    return {"name": "keys", "api_keys": {"file": path}}, {"x-api-key": made[KEYS // 2]}


def token():
    path, now = f"{gateways.out_dir()}/jwks.json", int(time.time())
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())
    with open(path, "w", encoding="ascii") as f:
        json.dump({"keys": [{**(json.loads(public) if isinstance(public, str) else public), "kid": "one", "alg": "RS256"}]}, f)
    claims = {"iss": "https://issuer.bench", "aud": "postern", "sub": "alice", "tenant": "acme", "scope": "infer read",
              "roles": ["ops"], "models": ["tiny", "large"], "iat": now, "exp": now + 86400}
    provider = {"name": "corp", "jwt": {"jwks_file": path, "issuer": claims["iss"], "audiences": ["postern"]}}
    return provider, {"authorization": "Bearer " + jwt.encode(claims, key, "RS256", {"kid": "one"})}


def cost(bench, port, backend_port):
    """{name: {cpu_us, added_us}}; of the two that are asked also what judging adds to the bytes: judged_us"""
    (keys, key), (corp, bearer) = api_key(), token()
    rows = turns.cost(bench, "auth", {
        "none": ({}, {}), "api key sent": ({"auth": [keys]}, key), "api key": (config(keys, "api_key"), key),
        "jwt sent": ({"auth": [corp]}, bearer), "jwt": (config(corp, "jwt"), bearer)}, (port, backend_port))
    for name in ("api key", "jwt"):
        rows[name]["judged_us"] = round(rows[name]["added_us"] - rows[f"{name} sent"]["added_us"], 2)
    return rows
