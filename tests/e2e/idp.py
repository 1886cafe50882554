"""An authorization server for tests that must see it lie, stall and go: key sets, discovery, introspection."""
import base64
import http.server
import json
import socketserver
import threading
import time

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa


def b64(n, size=None):
    size = size or (n.bit_length() + 7) // 8
    return base64.urlsafe_b64encode(n.to_bytes(size, "big")).rstrip(b"=").decode()


class Key:
    """A signing key of PyJWT's, and its public half as a JWK."""
    made = {}

    def __init__(self, alg, kid):
        self.alg, self.kid = alg, kid
        if alg[:2] in ("RS", "PS"):
            self.private = rsa.generate_private_key(65537, 2048)
            n = self.private.public_key().public_numbers()
            self.jwk = {"kty": "RSA", "n": b64(n.n), "e": b64(n.e)}
        elif alg[:2] == "ES":
            curve, name, size = {"ES256": (ec.SECP256R1(), "P-256", 32), "ES384": (ec.SECP384R1(), "P-384", 48),
                                 "ES512": (ec.SECP521R1(), "P-521", 66)}[alg]
            self.private = ec.generate_private_key(curve)
            n = self.private.public_key().public_numbers()
            self.jwk = {"kty": "EC", "crv": name, "x": b64(n.x, size), "y": b64(n.y, size)}
        elif alg == "EdDSA":
            self.private = ed25519.Ed25519PrivateKey.generate()
            raw = self.private.public_key().public_bytes_raw() if hasattr(
                self.private.public_key(), "public_bytes_raw") else raw_public(self.private)
            self.jwk = {"kty": "OKP", "crv": "Ed25519", "x": base64.urlsafe_b64encode(raw).rstrip(b"=").decode()}
        else:
            self.private = b"0123456789abcdef" * 4
            self.jwk = {"kty": "oct", "alg": alg,
                        "k": base64.urlsafe_b64encode(self.private).rstrip(b"=").decode()}
        self.jwk["kid"] = kid

    @classmethod
    def get(cls, alg, kid=None):
        """Making RSA keys takes long: one of a kind for all tests."""
        name = alg, kid or alg.lower()
        if name not in cls.made:
            cls.made[name] = cls(*name)
        return cls.made[name]

    def sign(self, claims, **header):
        header = {"kid": self.kid, **header}
        return jwt.encode(claims, self.private, self.alg, {k: v for k, v in header.items() if v is not None})


def raw_public(private):
    from cryptography.hazmat.primitives import serialization as s
    return private.public_key().public_bytes(s.Encoding.Raw, s.PublicFormat.Raw)


def claims(**more):
    now = int(time.time())
    all_of = {"iss": "https://issuer.test", "aud": "postern", "sub": "alice", "iat": now, "exp": now + 300, **more}
    return {k: v for k, v in all_of.items() if v is not None}


def key_set(*keys):
    return {"keys": [k.jwk for k in keys]}


class Server:
    """Answers what `paths` holds: an object (as JSON), bytes, or a function of the handler."""

    def __init__(self, paths, port=0):
        self.paths, self.seen = dict(paths), []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                length = int(self.headers.get("content-length") or 0)
                self.body = self.rfile.read(length).decode()
                outer.seen.append((self.path, self.body, dict(self.headers)))
                answer = outer.paths.get(self.path)
                if callable(answer):
                    answer(self)
                elif answer is None:
                    self.reply(404, b"{}")
                else:
                    self.reply(200, answer)
            do_POST = do_GET

            def reply(self, status, body, **headers):
                body = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for k, v in {"Content-Type": "application/json", "Content-Length": len(body), **headers}.items():
                    self.send_header(k.replace("_", "-"), str(v))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        class Threads(socketserver.ThreadingMixIn, http.server.HTTPServer):
            daemon_threads, allow_reuse_address = True, True

            def handle_error(self, *_):
                pass

        self.http = Threads(("127.0.0.1", port), Handler)
        self.port = self.http.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()

    def asked(self, path):
        return [s for s in self.seen if s[0] == path]

    def stop(self):
        self.http.shutdown()
        self.http.server_close()
