"""The routes of the platforms, which may come and go while the server serves.

A route of aiohttp cannot be taken back, and none can be added later. So each request asks here who
answers it now.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping

from aiohttp import web

from core.platform import Platform

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class PlatformRoutes:
    """*waiting*: the platforms that have not started, by name. They answer: come again later."""

    def __init__(self, waiting: Mapping[str, str]) -> None:
        self._waiting = waiting
        self._behind: dict[tuple[str, str], tuple[str, Handler]] = {}

    def all_to(self, platforms: Iterable[Platform]) -> list[web.AbstractRouteDef]:
        """The server's routes to *platforms*, and one for all to those that come later."""
        routes = [route for platform in platforms for route in self.open(platform)]
        # Of every method: else an unknown path would be answered as one for posts alone (405).
        return [*routes, web.route("*", "/{later:.+}", self._later)]

    def open(self, platform: Platform) -> list[web.AbstractRouteDef]:
        """Let *platform* answer its requests. Returns the routes to it."""
        routes: list[web.AbstractRouteDef] = []
        for route in platform.routes():
            if isinstance(route, web.RouteDef):
                handler: Handler = route.handler
                self._behind[route.method, route.path] = platform.name, handler
                routes.append(self._asking_here(route))
            else:
                routes.append(route)
        return routes

    def close(self, name: str) -> None:
        """The platform *name* answers no more."""
        for one in [one for one, (whose, _) in self._behind.items() if whose == name]:
            del self._behind[one]

    def _asking_here(self, route: web.RouteDef) -> web.RouteDef:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await self._answer((route.method, route.path), request)

        return web.RouteDef(route.method, route.path, handle, route.kwargs)

    async def _later(self, request: web.Request) -> web.StreamResponse:
        return await self._answer((request.method, request.path), request)

    async def _answer(self, route: tuple[str, str], request: web.Request) -> web.StreamResponse:
        if route not in self._behind:
            raise web.HTTPNotFound
        name, handler = self._behind[route]
        if name in self._waiting:
            return web.Response(status=503, headers={"Retry-After": "5"})
        return await handler(request)
