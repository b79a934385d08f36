"""The job's token, which every request of a job has: RFC 6750."""

from __future__ import annotations

import hmac

from aiohttp import web


def may(request: web.Request, token: str) -> bool:
    """Whether the request has the token; in a time that does not tell how much of a wrong one is right."""
    given = request.headers.get("Authorization", "").encode(errors="surrogateescape")
    return hmac.compare_digest(given, f"Bearer {token}".encode())
