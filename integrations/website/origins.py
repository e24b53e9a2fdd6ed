"""Which websites may speak to the API: our own pages, and those that a setting names. For CORS and WebSocket alike."""

from __future__ import annotations

from urllib.parse import urlsplit

from sanic import Request, Sanic, empty
from sanic.response import HTTPResponse

from integrations.website.problems import Problem

_METHODS = "GET, POST, DELETE"
_HEADERS = "Authorization, Content-Type, Idempotency-Key"


class Origins:
    """Checks the Origin header, which browsers always send where it matters."""

    def __init__(self, allowed: tuple[str, ...]) -> None:
        self._allowed = frozenset(allowed)

    def check(self, request: Request) -> str | None:
        """The origin to name in the CORS headers, or None where the request needs none.

        Raises Problem 403 for a website that is not allowed.
        """
        origin: str | None = request.headers.get("origin")
        if origin is None:
            return None
        if self._is_own(origin, request):
            return None
        if origin in self._allowed:
            return origin
        raise Problem(403, "origin")

    def check_own(self, request: Request) -> None:
        """Raises Problem 403 for every other website, also one that may use the API: for what staff do."""
        origin: str | None = request.headers.get("origin")
        if origin is not None and not self._is_own(origin, request):
            raise Problem(403, "origin")

    @staticmethod
    def _is_own(origin: str, request: Request) -> bool:
        try:
            netloc = urlsplit(origin).netloc
            return bool(netloc) and netloc == request.host
        except ValueError:
            raise Problem(403, "origin") from None


def guard(app: Sanic, origins: Origins) -> None:
    """Refuses foreign origins on /api, and answers the questions that browsers ask beforehand."""

    @app.on_request  # type: ignore[untyped-decorator]
    async def _check(request: Request) -> HTTPResponse | None:
        if not request.path.startswith("/api/"):
            return None
        request.ctx.origin = origins.check(request)
        if request.method == "OPTIONS":
            return empty(headers={"Access-Control-Max-Age": "600"})
        return None

    @app.on_response  # type: ignore[untyped-decorator]
    async def _allow(request: Request, response: HTTPResponse) -> None:
        if not request.path.startswith("/api/"):
            return
        response.headers["Vary"] = "Origin"
        origin = getattr(request.ctx, "origin", None)
        if origin:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Allow-Methods"] = _METHODS
            response.headers["Access-Control-Allow-Headers"] = _HEADERS
            response.headers["Access-Control-Expose-Headers"] = "Retry-After"
