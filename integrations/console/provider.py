"""The organisation's own sign-in service, as OpenID Connect Core 1.0 describes it (authorization code, PKCE).

ProviderProblem
├── ProviderDown    it does not answer, or not as documented: others can still sign in with a password
└── NotVouched      it answers, but what it says does not hold: nobody is let in
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from authlib.oidc.discovery import get_well_known_url
from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from pydantic import SecretStr

from bot.settings import Settings, is_loopback

SCOPE = "openid email"
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""With a public key alone: never none, never one that the client's secret would sign."""
CLOCKS_DIFFER_SECONDS = 60
KNOWN_FOR_SECONDS = 3600.0
ASK_AGAIN_AFTER_SECONDS = 30.0
"""Keys that are not known yet are asked for, but not for every forged token."""
ANSWER_WITHIN_SECONDS = 10.0
LARGEST_ANSWER_BYTES = 512 * 1024


class ProviderProblem(Exception):
    """The text is for a log: it names what was wrong, and nothing that was sent."""


class ProviderDown(ProviderProblem):
    """It does not answer, or not as documented."""


class NotVouched(ProviderProblem):
    """It answers, but what it says does not hold."""


@dataclass(frozen=True)
class Beginning:
    """Where to send the browser, and what to compare with when it comes back."""

    address: str
    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True)
class Vouched:
    """Who signed in there."""

    issuer: str
    subject: str
    verified_email: str | None
    """None where there is none, or the provider does not say that it has verified it."""


@dataclass(frozen=True)
class _Documented:
    """What the provider's discovery document says."""

    authorize: str
    token: str
    keys: str
    secret_in_body: bool


def _address(found: dict[str, Any], name: str) -> str:
    """An address from the discovery document; the secret goes there, so it is over https, or on this machine."""
    value = found.get(name)
    try:
        parts = urlsplit(value if isinstance(value, str) else "")
        loopback = parts.scheme == "http" and is_loopback(parts.hostname or "")
    except ValueError:
        raise ProviderDown(f"its {name} is no address") from None
    if not isinstance(value, str) or not parts.hostname or not (parts.scheme == "https" or loopback):
        raise ProviderDown(f"its {name} is no https address")
    return value


class Provider:
    """A client of the provider. Its addresses and keys are kept for an hour."""

    def __init__(
        self,
        issuer: str,
        client_id: str,
        client_secret: SecretStr,
        redirect_uri: str,
        *,
        answer_within_seconds: float = ANSWER_WITHIN_SECONDS,
    ) -> None:
        self.issuer = issuer
        self._client_id, self._client_secret = client_id, client_secret
        self._redirect_uri = redirect_uri
        self._within = answer_within_seconds
        self._http = httpx.AsyncClient(timeout=answer_within_seconds, follow_redirects=False)
        self._documented: tuple[float, _Documented] | None = None
        self._keys: tuple[float, KeySet] | None = None

    async def close(self) -> None:
        """Hangs up."""
        await self._http.aclose()

    async def begin(self) -> Beginning:
        """Begins to sign somebody in. Raises ProviderDown."""
        documented = await self._discover()
        state, nonce, verifier = (secrets.token_urlsafe(size) for size in (24, 24, 48))
        address = prepare_grant_uri(
            documented.authorize, self._client_id, "code", redirect_uri=self._redirect_uri, scope=SCOPE, state=state,
            nonce=nonce, code_challenge=create_s256_code_challenge(verifier), code_challenge_method="S256",
        )  # fmt: skip
        return Beginning(address, state, nonce, verifier)

    async def finish(self, code: str, verifier: str, nonce: str) -> Vouched:
        """Who the provider says has come back with this code. Raises ProviderDown, NotVouched."""
        documented = await self._discover()
        answer = await self._exchange(documented, code, verifier)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise NotVouched("no id_token")
        claims = self._claims(await self._decode(documented, token), nonce, answer.get("access_token"))
        subject, email = claims["sub"], claims.get("email")
        if not isinstance(subject, str) or not subject:
            raise NotVouched("its sub is empty")
        is_verified = claims.get("email_verified") is True and isinstance(email, str)
        return Vouched(self.issuer, subject, email if is_verified else None)

    # ---- What it documents

    async def _discover(self) -> _Documented:
        if self._documented and self._documented[0] > time.monotonic():
            return self._documented[1]
        status, found = await self._ask("GET", get_well_known_url(self.issuer, external=True))
        if status != 200:
            raise ProviderDown(f"discovery gave {status}")
        if found.get("issuer") != self.issuer:
            raise ProviderDown("it has another name than OIDC_ISSUER")
        ways = found.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        documented = _Documented(
            _address(found, "authorization_endpoint"), _address(found, "token_endpoint"), _address(found, "jwks_uri"),
            secret_in_body="client_secret_basic" not in ways,
        )  # fmt: skip
        self._documented = (time.monotonic() + KNOWN_FOR_SECONDS, documented)
        return documented

    async def _ask(self, method: str, address: str, **options: Any) -> tuple[int, dict[str, Any]]:
        """The status and the JSON object of an answer, whichever status it is. Raises ProviderDown."""
        headers = {"Accept": "application/json", **options.pop("headers", {})}
        body = b""
        try:
            async with (
                asyncio.timeout(self._within),
                self._http.stream(method, address, headers=headers, **options) as response,
            ):
                async for part in response.aiter_bytes():
                    body += part
                    if len(body) > LARGEST_ANSWER_BYTES:
                        raise ProviderDown("its answer is too large")
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as problem:
            raise ProviderDown(type(problem).__name__) from None
        try:
            found = json.loads(body)
        except (ValueError, RecursionError):
            raise ProviderDown(f"status {response.status_code}, and no JSON") from None
        if not isinstance(found, dict):
            raise ProviderDown(f"status {response.status_code}, and no JSON object")
        return response.status_code, found

    # ---- What it says of whoever came back

    async def _exchange(self, documented: _Documented, code: str, verifier: str) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": self._redirect_uri,
            "code_verifier": verifier,
        }  # fmt: skip
        secret = self._client_secret.get_secret_value()
        options: dict[str, Any] = {}
        if documented.secret_in_body:
            form |= {"client_id": self._client_id, "client_secret": secret}
        else:
            # RFC 6749, 2.3.1: both are form-encoded before they become a header.
            options["auth"] = httpx.BasicAuth(quote(self._client_id, safe=""), quote(secret, safe=""))
        status, answer = await self._ask("POST", documented.token, data=form, **options)
        if status >= 500 or status == 429:
            raise ProviderDown(f"the token endpoint gave {status}")
        if status != 200:
            raise NotVouched(f"the token endpoint gave {status}")
        return answer

    async def _key_set(self, documented: _Documented) -> KeySet:
        if self._keys and self._keys[0] > time.monotonic():
            return self._keys[1]
        status, found = await self._ask("GET", documented.keys)
        if status != 200:
            raise ProviderDown(f"its keys gave {status}")
        try:
            keys = [key for key in found["keys"] if key.get("kty") != "oct" and key.get("use", "sig") == "sig"]
            known = KeySet.import_key_set({"keys": keys})
        except (JoseError, AttributeError, KeyError, TypeError, ValueError) as problem:
            raise ProviderDown(f"its keys cannot be read: {type(problem).__name__}") from None
        self._keys = (time.monotonic() + KNOWN_FOR_SECONDS, known)
        return known

    async def _decode(self, documented: _Documented, token: str) -> jwt.Token:
        """The token, when the provider signed it."""
        for again in (False, True):
            try:
                return jwt.decode(token, await self._key_set(documented), algorithms=ALGORITHMS)
            except (InvalidKeyIdError, BadSignatureError) as problem:
                # The provider may have new keys.
                old_enough = (
                    self._keys and self._keys[0] - KNOWN_FOR_SECONDS + ASK_AGAIN_AFTER_SECONDS < time.monotonic()
                )
                if again or not old_enough:
                    raise NotVouched(type(problem).__name__) from None
                self._keys = None
            except (JoseError, ValueError, TypeError, RecursionError) as problem:
                raise NotVouched(type(problem).__name__) from None
        raise NotVouched("not signed")

    def _claims(self, token: jwt.Token, nonce: str, access_token: object) -> CodeIDToken:
        """OpenID Connect Core 1.0, 3.1.3.7: for whom, from whom, until when, and for this very sign-in."""
        options = {
            "iss": {"essential": True, "value": self.issuer},
            "aud": {"essential": True, "value": self._client_id},
        }
        known = {"nonce": nonce, "client_id": self._client_id, "access_token": access_token}
        claims = CodeIDToken(token.claims, token.header, options, known)
        try:
            claims.validate(leeway=CLOCKS_DIFFER_SECONDS)
        except (JoseError, ValueError, TypeError) as problem:
            raise NotVouched(f"{type(problem).__name__} {getattr(problem, 'claim', '')}".strip()) from None
        return claims


def open_provider(settings: Settings) -> Provider | None:
    """The provider of the settings; None where people sign in with passwords alone."""
    if not settings.oidc_issuer or settings.oidc_client_secret is None:
        return None
    redirect_uri = f"{settings.web_address}/console/oidc/callback"
    return Provider(settings.oidc_issuer, settings.oidc_client_id, settings.oidc_client_secret, redirect_uri)
