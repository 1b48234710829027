"""What every turn may use: the open resources, and the settings."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from core.errors import StoreError
from core.images.client import ImageClient
from core.lent import Standing
from core.live.pace import Pacer
from core.messages import Incoming
from core.models.request import Model
from core.models.speech import SpeechClient
from core.people.access import Access
from core.people.personas import Personas, Places
from core.people.rights import Rights
from core.people.roles import Role
from core.requests import Requests
from core.settings import Settings
from core.store.audit import Audit
from core.store.budgets import Budgets
from core.store.inbox import Kept
from core.store.limits import Notices
from core.store.maintenance import Maintenance
from core.store.overheard import Overheard
from core.store.reminders import Reminders
from core.store.sign_ins import SignIns
from core.telemetry import Metrics
from core.tools.registry import Tools
from core.tools.servers import Servers
from core.tracing import Tracer
from core.turn.attachments import Reader
from core.turn.background import Background
from core.visits import Visits


@dataclass(frozen=True, slots=True)
class Services:
    """Opened once by the service, read by every turn.

    *sign_ins*: who is signed in to tool servers; None if none asks for that. *put*: keeps mail.
    """

    settings: Settings
    model: Model
    images: ImageClient
    speech: SpeechClient | None
    pacer: Pacer
    access: Access
    rights: Rights
    budgets: Budgets
    personas: Personas
    places: Places
    reader: Reader
    overheard: Overheard
    reminders: Reminders
    sign_ins: SignIns | None
    put: Callable[[Incoming], Awaitable[Kept]]
    tools: Tools
    servers: Servers
    metrics: Metrics
    tracer: Tracer
    notices: Notices
    requests: Requests
    visits: Visits
    audit: Audit
    maintenance: Maintenance
    background: Background = field(default_factory=Background)

    async def standing(self, incoming: Incoming) -> Standing:
        """As `Rights.standing`. While no questions are taken, only who may end that is a member."""
        found = await self.rights.standing(incoming)
        try:
            if found == "member" and await self.maintenance.stops(incoming, Role.MEMBER):
                role = await self.rights.role_of(incoming.sender.id, incoming.conversation)
                return "stranger" if await self.maintenance.stops(incoming, role) else found
        except StoreError:
            pass  # The ingress waits for the store, and decides then.
        return found
