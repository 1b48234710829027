"""Many workspaces with one app: each that installs it is a tenant, and gets its events from here.

Slack sends the events of all installations to the same address, or through the same sockets. Each
names its installation (`bots.slack.meant`). Bolt would look the token up for each event, and lose
the event if that fails. Here each tenant has its own app with its own token, and an event of a
tenant that cannot take it now is not acknowledged: Slack sends it again.

All processes read the installations from the safe, hear of changes, and look again now and then.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs

from aiohttp import web
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bots.slack.adapter import SlackPlatform
from bots.slack.border import QUIET, connected, is_signed, serve
from bots.slack.failures import slack_errors
from bots.slack.fields import string
from bots.slack.inbound import NAME
from bots.slack.installation import Installation, OAuth, decoded, encoded
from bots.slack.meant import is_gone, shared, teams_of
from core.border import set_aside
from core.errors import PlatformError, StoreError
from core.lent import Hosts, Safe
from core.messages import Sender
from core.net.way import Way
from core.tenant_names import own_name_of

log = logging.getLogger(__name__)

LOOK_S = 30.0
"""A note may get lost, so the safe is looked at this often."""
STRANGE_S = 0.5
"""An event of nobody makes us look into the safe at most this often."""
THREAD_S = 30 * 24 * 3600
Build = Callable[[str, Installation], SlackPlatform]


class Workspaces:
    """The workspaces that installed the app.

    *build*: makes the platform of a tenant. *wanted*: which may be served; empty: all.
    """

    def __init__(
        self,
        oauth: OAuth,
        safe: Safe,
        hosts: Hosts,
        build: Build,
        *,
        wanted: Sequence[str] = (),
        app_token: str = "",
        signing_secret: str = "",
        events_path: str,
        api_url: str,
        way: Way,
    ) -> None:
        self._oauth, self._safe, self._hosts = oauth, safe, hosts
        self._build, self._wanted = build, frozenset(wanted)
        self._app_token, self._signing_secret = app_token, signing_secret
        self._events_path = events_path
        self._api_url, self._way = api_url, way
        self._tenants: dict[str, tuple[str, Installation, SlackPlatform]] = {}
        """The name, installation and platform of each team."""
        self._unread: AbstractSet[str] = frozenset()
        """Those whose installation another process may be able to read, as it has another key."""
        self._lock = asyncio.Lock()
        self._changes: set[asyncio.Task[None]] = set()
        self._looked_at = 0.0

    # --- the installations ----------------------------------------------------------------------

    async def keep(self, made: Installation) -> bool:
        """Keep *made*, and serve it. False if the operator does not want that workspace."""
        if not self._wants(made.team):
            return False
        async with self._safe.alone(made.team):
            await self._safe.put(made.team, encoded(made))
        name = await self._hosts.name_of(NAME, made.team)
        # The owner of the first tenant runs the whole program, so who installs it is not that.
        if made.by and own_name_of(name):
            await self._hosts.own(name, Sender(f"{name}:{made.by}", made.by))
        await self.look()
        return True

    def _wants(self, team: str) -> bool:
        return not self._wanted or team in self._wanted

    def jobs(self) -> Sequence[Callable[[], Coroutine[Any, Any, None]]]:
        """Serve all that are installed, as they come and go, and renew their tokens."""
        return [self._hear, self._look_often, *([self._connect] if self._app_token else [])]

    async def _hear(self) -> None:
        with suppress(StoreError):
            async with self._safe.news() as news:
                async for _ in news:
                    await self.look()

    async def _look_often(self) -> None:
        try:
            await self.look()
        except StoreError as error:
            log.warning("installations not read: %s", error)
        await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Let those be served that are installed now. Raises `StoreError`."""
        async with self._lock:
            self._looked_at = asyncio.get_running_loop().time()
            all_of_them = await self._safe.all()
            found = {team: decoded(raw) for team, raw in all_of_them.items() if self._wants(team)}
            kept = {team: one for team, one in found.items() if one is not None}
            self._unread = found.keys() - kept.keys()
            go: list[str] = []
            come: list[SlackPlatform] = []
            for team, (name, _, _) in [*self._tenants.items()]:
                if team not in found:
                    del self._tenants[team]
                    go.append(name)
            for team, one in kept.items():
                name, had, platform = self._tenants.get(team, ("", None, None))
                # A token that was just renewed may have been refused in the middle of a call.
                lost = name in self._hosts.lost
                if had is None or platform is None or had.at != one.at or lost:
                    go += [name] if name else []
                    come += await self._new(team, one)
                elif had != one:
                    platform.renew(one.token)
                    self._tenants[team] = name, one, platform
        if go or come:
            # Who goes gets the grace time, and nobody waits for that here.
            task = asyncio.create_task(self._hosts.change(go, come), name="slack tenants")
            self._changes.add(task)
            task.add_done_callback(self._changes.discard)
        for team, (_, one, _) in [*self._tenants.items()]:
            if one.due:
                await self._renew(team)

    async def _new(self, team: str, one: Installation) -> list[SlackPlatform]:
        name = await self._hosts.name_of(NAME, team)
        if name in self._hosts.platforms and team not in self._tenants:
            log.warning("%s is served by a token of the settings, not as installed", name)
            return []
        platform = self._build(name, one)
        self._tenants[team] = name, one, platform
        return [platform]

    async def _renew(self, team: str) -> None:
        """Get a newer token. Its refresh token can be used once, so only one process does that."""
        async with self._safe.alone(team):
            one = decoded(await self._safe.get(team))
            if one is None or not one.due:
                return  # Another process did it.
            try:
                newer = await self._oauth.renew(one)
            except PlatformError as error:
                log.warning("the token of %s is not renewed: %s", team, error)
                return
            await self._safe.put(team, encoded(newer))

    async def _remove(self, teams: Sequence[str]) -> None:
        """The app was taken out of one of *teams*. It may be installed again already.

        The event may come twice, and does not always tell a workspace from its organisation. So
        Slack is asked which token it refuses. Raises `PlatformError` and `StoreError`.
        """
        for team in teams:
            async with self._safe.alone(team):
                one = decoded(await self._safe.get(team))
                if one is None or await self._oauth.holds(one):
                    continue
                log.info("uninstalled: %s", team)
                await self._safe.remove(team)
            await self.look()

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        """Where Slack sends the events of all installations, unless they come by a socket."""
        return [] if self._app_token else [web.post(self._events_path, self.events)]

    # --- events ---------------------------------------------------------------------------------

    async def events(self, request: web.Request) -> web.StreamResponse:
        """One HTTP request of Slack, for any installation."""
        if not await is_signed(request, self._signing_secret):
            return web.Response(status=401)
        payload = _payload((await request.read()).decode(), request.content_type)
        if string(payload, "type") == "url_verification":
            return web.json_response({"challenge": string(payload, "challenge")})
        try:
            app = await self.app_for(payload)
        except (StoreError, PlatformError) as error:
            log.warning("event not accepted: %s", error)
            return web.Response(status=503)
        return web.Response() if app is None else await serve(app, self._signing_secret, request)

    async def app_for(self, payload: Mapping[str, Any]) -> AsyncApp | None:
        """What takes *payload*; None: nobody does.

        Raises:
            PlatformError: the tenant that should take it has not started.
            StoreError: the store is away.
        """
        teams = teams_of(payload)
        if is_gone(payload):
            await self._remove(teams)
            return None
        found = await self._tenant(teams)
        if found is None:
            if any(not one.me.team for one in self._all()):
                raise PlatformError("a workspace has not started, and it may be its event")
            if not self._unread.isdisjoint(teams):
                raise PlatformError("its token cannot be read with ACCOUNTS_KEY")
            set_aside("slack.event", "of no installation")
            return None
        if (message := shared(payload)) is not None and len(self._all()) > 1:
            ours = {one.me.user_id: one.me.team for one in self._all()}
            called = next((ours[user] for user in message.mentioned if user in ours), "")
            if called not in ("", found) and not await self._sees(called, message.channel):
                called = ""  # Everybody can write the id of somebody who is elsewhere.
            ticket = f"thread {message.thread}"
            whose = await self._safe.settle(ticket, called or found, THREAD_S, anew=bool(called))
            found = whose if self._served(whose) else found
        platform = self._served(found)
        if platform is None or platform.app is None:
            raise PlatformError(f"{found} has not started")
        return platform.app

    async def _sees(self, team: str, channel: str) -> bool:
        platform = self._served(team)
        return platform is not None and await platform.sees(channel)

    def _served(self, team: str) -> SlackPlatform | None:
        """The platform of *team*: as installed, or by a token of the settings."""
        if team in self._tenants:
            return self._tenants[team][2]
        return next((one for one in self._all() if one.me.team == team), None)

    def _all(self) -> list[SlackPlatform]:
        return [one for one in self._hosts.platforms.values() if isinstance(one, SlackPlatform)]

    async def _tenant(self, teams: Sequence[str]) -> str | None:
        """The team whose installation it is. Perhaps another process knows it since a moment."""
        found = next((team for team in teams if self._served(team)), None)
        if found is None and teams:
            if asyncio.get_running_loop().time() - self._looked_at < STRANGE_S:
                # Installed since then, or of nobody: the next delivery shows it.
                raise PlatformError(f"{teams[0]} is not known yet")
            await self.look()
            found = next((team for team in teams if self._served(team)), None)
        return found

    async def _connect(self) -> None:
        """Hear the events of all installations through a socket, until it cannot be opened."""
        async with self._way.session() as session:
            client = AsyncWebClient("of nobody", base_url=self._api_url, session=session)
            nobody = AsyncApp(client=client, request_verification_enabled=False, logger=QUIET)
            own = self._app_token
            try:
                with slack_errors("SLACK_APP_TOKEN"):
                    # The socket itself tries again and again, and tells nobody.
                    await client.apps_connections_open(app_token=own)
                async with connected(nobody, own, self._api_url, session, self._way, self.app_for):
                    self._hosts.troubles.pop(NAME, None)
                    await asyncio.Event().wait()
            except PlatformError as error:
                log.warning("no socket: %s", error)
                self._hosts.troubles[NAME] = f"no event is heard: {error}"


def _payload(body: str, content_type: str) -> Mapping[str, Any]:
    """What Slack tells in *body*: JSON, or a form, or JSON in a form; empty if it is neither."""
    try:
        if content_type == "application/json":
            found = json.loads(body)
        else:
            form = {name: values[0] for name, values in parse_qs(body, max_num_fields=200).items()}
            found = json.loads(form["payload"]) if "payload" in form else form
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
