"""An OpenID provider on this machine: discovery, authorize, token and keys, right or wrong as a test says."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey

CLIENT_ID, CLIENT_SECRET = "wegwijzer:console", "geheim/met:vreemde tekens%"


@dataclass
class LocalProvider:
    """Says who signs in (`claims`), and misbehaves as `wrong` says."""

    claims: dict[str, Any] = field(default_factory=dict)
    wrong: dict[str, Any] = field(default_factory=dict)
    """discovery, keys, token: a status or a body instead of the right one; sign: signs a token in another way;
    hang: seconds before the token endpoint answers."""
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "first"})
        self._codes: dict[str, dict[str, str]] = {}
        provider = self

        class Handler(BaseHTTPRequestHandler):
            timeout = 60

            def do_GET(self) -> None:
                url = urlsplit(self.path)
                provider._get(self, url.path, {name: values[0] for name, values in parse_qs(url.query).items()})

            def do_POST(self) -> None:
                form = self.rfile.read(int(self.headers["Content-Length"])).decode()
                provider._token(self, {name: values[0] for name, values in parse_qs(form).items()})

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """Whoever hung up is not interested any more."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self._server.server_port}/realm"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @staticmethod
    def _answer(handler: BaseHTTPRequestHandler, body: Any, status: int = 200) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    def _misbehaves(self, handler: BaseHTTPRequestHandler, what: str) -> bool:
        self.asked.append(what)
        if what not in self.wrong:
            return False
        wrong = self.wrong[what]
        if isinstance(wrong, int):
            self._answer(handler, {"error": "server_error"}, wrong)
        else:
            self._answer(handler, wrong)
        return True

    def document(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def _get(self, handler: BaseHTTPRequestHandler, path: str, query: dict[str, str]) -> None:
        part = path.removeprefix("/realm/")
        if part == ".well-known/openid-configuration":
            if not self._misbehaves(handler, "discovery"):
                self._answer(handler, self.document())
        elif part == "keys":
            if not self._misbehaves(handler, "keys"):
                self._answer(handler, KeySet([self.key]).as_dict(private=False))
        elif part == "authorize":
            # Nobody types a password here: whoever comes is signed in at once.
            assert query["client_id"] == CLIENT_ID and query["response_type"] == "code"
            assert query["code_challenge_method"] == "S256" and "openid" in query["scope"].split()
            code = f"code-{len(self._codes)}"
            self._codes[code] = query
            back = self.wrong.get("authorize") or {"code": code, "iss": self.issuer}
            handler.send_response(302)
            handler.send_header("Location", f"{query['redirect_uri']}?{urlencode({'state': query['state'], **back})}")
            handler.end_headers()
        else:
            self._answer(handler, {}, 404)

    def _token(self, handler: BaseHTTPRequestHandler, form: dict[str, str]) -> None:
        time.sleep(self.wrong.get("hang", 0))
        if self._misbehaves(handler, "token"):
            return
        user, _, password = (
            base64.b64decode(handler.headers.get("Authorization", "").removeprefix("Basic ")).decode().partition(":")
        )
        begun = self._codes.pop(form.get("code", ""), None)
        verifier = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        right = (
            begun is not None
            and (unquote(user), unquote(password)) == (CLIENT_ID, CLIENT_SECRET)
            and quote(CLIENT_ID, safe="") == user
            and form["grant_type"] == "authorization_code"
            and form["redirect_uri"] == begun["redirect_uri"]
            and base64.urlsafe_b64encode(verifier).rstrip(b"=").decode() == begun["code_challenge"]
        )
        if not right or begun is None:
            self._answer(handler, {"error": "invalid_grant"}, 400)
            return
        now = int(time.time())
        claims = {
            "iss": self.issuer, "aud": CLIENT_ID, "sub": "subject-1", "iat": now, "exp": now + 300,
            "nonce": begun["nonce"], **self.claims,
        }  # fmt: skip
        claims = {name: value for name, value in claims.items() if value is not None}
        sign: Callable[[LocalProvider, dict[str, Any]], str] = self.wrong.get("sign", signed)
        self._answer(handler, {"access_token": "opaque", "token_type": "Bearer", "id_token": sign(self, claims)})


def signed(provider: LocalProvider, claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "RS256", "kid": "first"}, claims, provider.key)


def unsigned(provider: LocalProvider, claims: dict[str, Any]) -> str:
    """alg none."""

    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'none', 'kid': 'first'})}.{part(claims)}."


def signed_by_another(provider: LocalProvider, claims: dict[str, Any]) -> str:
    """The right key's name, another key."""
    return jwt.encode({"alg": "RS256", "kid": "first"}, claims, RSAKey.generate_key(2048))


def signed_with_the_secret(provider: LocalProvider, claims: dict[str, Any]) -> str:
    """HS256 with the client's secret: whoever knows it could sign anybody in."""
    return jwt.encode({"alg": "HS256", "kid": "first"}, claims, OctKey.import_key(CLIENT_SECRET * 2))


def signed_with_the_public_key(provider: LocalProvider, claims: dict[str, Any]) -> str:
    """HS256 with the public key as if it were a secret."""
    import hmac

    def part(value: bytes) -> str:
        return base64.urlsafe_b64encode(value).rstrip(b"=").decode()

    head = f"{part(json.dumps({'alg': 'HS256', 'kid': 'first'}).encode())}.{part(json.dumps(claims).encode())}"
    public = provider.key.as_pem(private=False)
    return f"{head}.{part(hmac.new(public, head.encode(), hashlib.sha256).digest())}"


def changed_afterwards(provider: LocalProvider, claims: dict[str, Any]) -> str:
    """A right signature of other claims."""
    head, _, signature = signed(provider, {**claims, "sub": "somebody-else"}).split(".")
    return f"{head}.{signed(provider, claims).split('.')[1]}.{signature}"


def signed_by_an_unknown_key(provider: LocalProvider, claims: dict[str, Any]) -> str:
    """With a key that the provider does not publish."""
    return jwt.encode({"alg": "ES256", "kid": "other"}, claims, ECKey.generate_key("P-256"))


def garbage(provider: LocalProvider, claims: dict[str, Any]) -> str:
    return "not.a.token"
