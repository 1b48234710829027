"""What every turn may use: the open resources, and the settings."""

from dataclasses import dataclass, field

from core.images.client import ImageClient
from core.live.pace import Pacer
from core.models.request import Model
from core.models.speech import SpeechClient
from core.people.access import Access
from core.people.personas import Personas, Places
from core.people.rights import Rights
from core.settings import Settings
from core.store.budgets import Budgets
from core.store.limits import Notices
from core.store.overheard import Overheard
from core.store.reminders import Reminders
from core.telemetry import Metrics
from core.tools.registry import Tools
from core.tools.servers import Servers
from core.tracing import Tracer
from core.turn.attachments import Reader
from core.turn.background import Background


@dataclass(frozen=True, slots=True)
class Services:
    """Opened once by the service, read by every turn."""

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
    tools: Tools
    servers: Servers
    metrics: Metrics
    tracer: Tracer
    notices: Notices
    background: Background = field(default_factory=Background)
