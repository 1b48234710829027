"""The routes of the operator's page. All but the page itself and signing in are for operators."""

from importlib import resources

from aiohttp import web

from core.admin.adding import Adding
from core.admin.doing import Doing
from core.admin.entry import Entry
from core.admin.house import House
from core.admin.placing import Placing
from core.admin.seeing import Seeing
from core.admin.words import page as page_for

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
TYPES = {
    "admin.js": "text/javascript",
    "parts.js": "text/javascript",
    "overview.js": "text/javascript",
    "shown.js": "text/javascript",
    "plots.js": "text/javascript",
    "admin.css": "text/css",
    "icon.svg": "image/svg+xml",
}


def admin_routes(house: House) -> list[web.AbstractRouteDef]:
    """The page, what it shows, and what it changes."""
    entry = Entry(house.services, house.visits, house.platforms)
    seeing, doing = Seeing(house), Doing(house)

    async def page(request: web.Request) -> web.Response:
        entry.check(request)
        return _guarded(web.Response(text=page_for(request), content_type="text/html"))

    async def file(request: web.Request) -> web.Response:
        name = request.match_info["file"]
        if name not in TYPES:
            raise web.HTTPNotFound
        return _file(name)

    shown = {
        "now": seeing.now,
        "over-time": seeing.over_time,
        "people": seeing.people,
        "budgets": seeing.budgets,
        "letters": seeing.letters,
        "changes": seeing.changes,
        "tools": seeing.tools,
        "places": seeing.places,
        "additions": Adding(house).shown,
        "place": Placing(house).shown,
    }
    return [
        web.get("/admin", page),
        web.get("/admin/files/{file}", file),
        web.post("/admin/session", entry.sign_in),
        web.delete("/admin/session", entry.guarded(entry.sign_out)),
        *(web.get(f"/admin/api/{name}", entry.guarded(one)) for name, one in shown.items()),
        *(
            web.post(f"/admin/api/{name}", entry.guarded(one))
            for name, one in doing.table().items()
        ),
    ]


def _file(name: str) -> web.Response:
    data = resources.files("core.admin").joinpath("page", name).read_bytes()
    return _guarded(web.Response(body=data, content_type=TYPES[name], charset="utf-8"))


def _guarded(response: web.Response) -> web.Response:
    response.headers["Cache-Control"] = "no-cache"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
