"""Several bots on one Bot API server. Each has chats, updates, menus and limits of its own."""

from contextlib import asynccontextmanager

from aiohttp import web

from tests.servers.loopback import listening
from tests.servers.telegram import BOT, ApiError, TelegramServer


class TelegramBots:
    """*bots*: one server for each bot, which only calls with its token reach."""

    def __init__(self, count):
        self.bots = [TelegramServer()]
        for number in range(1, count):
            who = {**BOT, "id": 900000 + number, "username": f"palaver{number}_bot"}
            self.bots.append(TelegramServer(bot=who))
        for bot in self.bots:
            bot.add_private(77)
            bot.add_group(-1001)

    @asynccontextmanager
    async def running(self):
        app = web.Application(client_max_size=60 * 1024 * 1024)
        # core.telegram.org/bots/api#making-requests: the token in the path says which bot calls.
        app.router.add_route("*", "/bot{token}/{method}", self._serve)
        async with listening(app) as url:
            for bot in self.bots:
                bot.url = url
            self.url = url
            yield self

    async def _serve(self, request):
        for bot in self.bots:
            if bot.token == request.match_info["token"]:
                return await bot._serve(request)
        return self.bots[0]._fail(ApiError(401, "Unauthorized"))
