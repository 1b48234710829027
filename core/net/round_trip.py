"""The way of a browser to another site, and back: so people sign in, and install us elsewhere.

Who comes back must be who set out (RFC 6749, 10.12): the browser keeps a secret in a cookie, and we
keep the secret's digest beside what the way is for. Where anybody may set out, we keep nothing: the
digest goes along in the state, which we sign.
"""

import hashlib
import hmac
import html
import secrets
import time
from typing import NamedTuple

from aiohttp import web

from core.cookies import cookie_of
from core.languages.catalogue import Speak, accepted

_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
}


class Traveller(NamedTuple):
    """A browser that sets out: its *secret*, and what we keep of that."""

    secret: str
    digest: str


def new_traveller() -> Traveller:
    secret = secrets.token_urlsafe(24)
    return Traveller(secret, _digest(secret))


class RoundTrip(NamedTuple):
    """*cookie*: its name. *back*: the path of who comes back, within *seconds*. *secure*: only by
    TLS.
    """

    cookie: str
    back: str
    seconds: int
    secure: bool

    def sent(self, url: str, traveller: Traveller) -> web.Response:
        """The answer that sends *traveller* to *url*."""
        away = web.Response(status=302, headers={**_HEADERS, "Location": url})
        away.set_cookie(
            self.cookie,
            traveller.secret,
            max_age=self.seconds,
            path=self.back,
            httponly=True,
            # Who comes back comes from another site.
            samesite="Lax",
            secure=self.secure,
        )
        return away

    def state(self, traveller: Traveller, key: str) -> str:
        """What says, signed with *key*, which browser set out, and until when it may come back."""
        told = f"{int(time.time()) + self.seconds}.{traveller.digest}"
        return f"{told}.{self._signature(told, key)}"

    def browser_in(self, state: str, key: str) -> str:
        """The digest in *state*, for `is_of`; empty if the way is over, or *state* is not ours."""
        told, _, signature = state.rpartition(".")
        right = self._signature(told, key)
        if not hmac.compare_digest(signature.encode(errors="replace"), right.encode()):
            return ""
        until, _, digest = told.partition(".")
        return digest if time.time() < int(until) else ""

    def _signature(self, told: str, key: str) -> str:
        text = f"{self.cookie} {told}".encode(errors="replace")
        return hmac.digest(key.encode(), text, "sha256").hex()

    def is_of(self, request: web.Request, digest: str) -> bool:
        """Whether *request* is of the browser whose secret has *digest*."""
        return hmac.compare_digest(digest, _digest(cookie_of(request, self.cookie)))


def plain_page(
    speak: Speak, request: web.Request, sentence: str, *, status: int = 200, **values: object
) -> web.Response:
    """*sentence* in the language of the browser. What stands between backticks is code."""
    language = next(accepted(request.headers.get("Accept-Language", "")), "en")[:20]
    text = html.escape(speak(sentence, language, **values))
    parts = (
        f"<code>{part}</code>" if at % 2 else part.replace("\n", "<br>")
        for at, part in enumerate(text.split("`"))
    )
    body = (
        '<!doctype html><meta charset="utf-8"><meta name="viewport" '
        'content="width=device-width"><title>Palaver</title><style>body{font:1.1em/1.5 '
        "system-ui;max-width:32em;margin:15vh auto;padding:0 1em}code{font-size:1.3em}"
        f"</style><p>{''.join(parts)}</p>"
    )
    return web.Response(status=status, text=body, content_type="text/html", headers=_HEADERS)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
