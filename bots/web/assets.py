"""The files of the page. Their path holds a digest of them all, so browsers keep them for good.

Scripts, styles and fonts name each other by relative paths, and so come under the same digest.
"""

import hashlib
import zlib
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import NamedTuple

from aiohttp import web

_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml; charset=utf-8",
    ".png": "image/png",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
_SMALL_ALREADY = {".png", ".woff2"}
_FOR_GOOD = "public, max-age=31536000, immutable"
_GZIP = zlib.MAX_WBITS | 16


class _Asset(NamedTuple):
    data: bytes
    suffix: str


@cache
def _assets() -> dict[str, _Asset]:
    return dict(sorted(_files(resources.files("bots.web").joinpath("page"), "")))


def _files(folder: Traversable, path: str) -> list[tuple[str, _Asset]]:
    found = []
    for one in folder.iterdir():
        suffix = one.name[one.name.rfind(".") :]
        if one.is_dir():
            found += _files(one, f"{path}{one.name}/")
        elif suffix in _TYPES:
            found.append((path + one.name, _Asset(one.read_bytes(), suffix)))
    return found


@cache
def scripts() -> tuple[str, ...]:
    """The page's own scripts, which load each other."""
    return tuple(name for name in _assets() if name.endswith(".js") and "/" not in name)


@cache
def digest() -> str:
    whole = hashlib.sha256()
    for name, asset in _assets().items():
        whole.update(f"{name} {len(asset.data)} ".encode() + asset.data)
    return whole.hexdigest()[:16]


@cache
def _packed(name: str) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, _GZIP)
    return packer.compress(_assets()[name].data) + packer.flush()


def asset(request: web.Request, version: str, name: str) -> web.Response:
    """The file *name*. A browser keeps it for good if *version* is the digest."""
    if name not in _assets():
        raise web.HTTPNotFound
    data, suffix = _assets()[name]
    headers = {
        "Content-Type": _TYPES[suffix],
        "X-Content-Type-Options": "nosniff",
        # During an update, another replica may have made the page that asks us.
        "Cache-Control": _FOR_GOOD if version == digest() else "no-cache",
    }
    if suffix not in _SMALL_ALREADY:
        headers["Vary"] = "Accept-Encoding"
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            data = _packed(name)
            headers["Content-Encoding"] = "gzip"
    return web.Response(body=data, headers=headers)
