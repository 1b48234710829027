"""`/web` and `/admin`: a link to the chat page, or to the operator's, for the asker alone."""

from core.errors import PlatformError
from core.languages.catalogue import say
from core.live.delivery import post
from core.store.visits import LINK_S, To
from core.turn.commands.command import Command
from core.turn.context import Report, TurnContext

TRIES = 3
OFF = "off"


async def _web(context: TurnContext) -> Report:
    visits, sender, language = context.services.visits, context.first.sender, context.language
    if context.first.text.strip().lower() == OFF:
        await visits.end(sender.id)
        return await context.close("command", say("web_off", language))
    if context.platform.local:
        return await context.close("command", say("web_here", language))
    if not await visits.may_come(sender.id):
        return await context.close("command", say("web_not_you", language))
    return await _send(context, "page", f"{visits.address}/" if visits.address else "")


async def _admin(context: TurnContext) -> Report:
    operates = context.services.rights.operates(context.first.sender.id, context.role)
    if not (operates and await context.may("operate")):
        return await context.refuse("operate")
    address = context.services.settings.public_url
    # Who is on a page of ours needs no address to stay there.
    here = context.platform.local or bool(address)
    return await _send(context, "admin", f"{address}/admin" if here else "")


async def _send(context: TurnContext, to: To, address: str) -> Report:
    """Send the asker, in private, a link to *address*, if there is one."""
    language, sender = context.language, context.first.sender
    if not address:
        return await context.close("command", say("web_none", language))
    if sender.shared:
        return await context.close("command", say("web_not_sent", language))
    link = await context.services.visits.invite(sender, to)
    # Behind the #, where no server, log or preview of a link ever sees it.
    url, minutes = f"{address}#me={link}", LINK_S // 60
    if address.startswith("/"):
        url = f"[{address}]({url})"
    text = say(f"link_{to}", language, url=url, minutes=minutes)
    if context.first.private:
        return await context.close("command", text)
    try:
        where = await context.platform.private_with(sender.id)
        surface = context.platform.open_surface(where, "")
        await post(surface, text, where, context.services.pacer.budget, tries=TRIES)
    except PlatformError:
        return await context.close("command", say("web_not_sent", language))
    return await context.close("command", say("web_sent", language))


COMMANDS = (
    Command("web", _web, "choice", lambda _: (OFF,), in_menu=True, for_asker=True),
    Command("admin", _admin, for_asker=True, act="operate"),
)
