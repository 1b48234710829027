"""The routes of the core on the HTTP server: callbacks, signing in, pictures, and the API."""

from aiohttp import web

from core.api import api_routes
from core.clients import Models
from core.images.callbacks import callback_routes
from core.models.picture_links import PictureLinks, picture_routes
from core.signing_in import sign_in_routes
from core.store.tasks import Tasks
from core.turn.services import Services


def core_routes(
    services: Services, tasks: Tasks, models: Models, links: PictureLinks | None
) -> list[web.AbstractRouteDef]:
    """Those that the settings turn on."""
    settings = services.settings
    routes: list[web.AbstractRouteDef] = []
    if settings.image_callbacks:
        routes += callback_routes(tasks)
    routes += sign_in_routes(services.sign_ins, services.servers)
    if links is not None:
        routes += picture_routes(links)
    if token := settings.api_token.get_secret_value():
        routes += api_routes(
            models.chat, token, settings.max_turns, services.metrics, settings.llm_price
        )
    return routes
