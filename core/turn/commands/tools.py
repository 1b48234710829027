"""`/tools`: what the model may call here; for admins of the bot also the servers, and `accept`."""

from core.languages.catalogue import Language, say
from core.tools.servers import ServerState
from core.turn.commands.command import Command, shown_name
from core.turn.context import Report, TurnContext
from core.turn.rounds import tool_context

ACCEPT = "accept"


async def _tools(context: TurnContext) -> Report:
    """Say which tools may be used here, or accept the changed tools of a server."""
    word, _, name = context.first.text.strip().partition(" ")
    if word == ACCEPT:
        return await _accept(context, shown_name(name.strip()))
    language, services = context.language, context.services
    names = services.tools.for_turn(tool_context(context, None, tainted=False)).names
    listed = "\n".join(f"- `{one}`" for one in names)
    parts = [say("tools_here", language, tools=listed) if names else say("tools_none", language)]
    if await context.may("bot settings"):
        parts += ["\n".join(_state(one, language) for one in services.servers.states())]
    return await context.close("command", "\n\n".join(filter(None, parts)))


async def _accept(context: TurnContext, server: str) -> Report:
    if not await context.may("bot settings"):
        return await context.refuse("bot settings")
    accepted = await context.services.servers.accept(server)
    names = ", ".join(f"`{one}`" for one in accepted)
    sentence = "tools_accepted" if accepted else "tools_nothing"
    return await context.close(
        "command", say(sentence, context.language, tools=names, server=server)
    )


def _state(server: ServerState, language: Language) -> str:
    state = shown_name(server.fault) or say("tools_ready", language)
    if server.changed:
        names = ", ".join(f"`{one}`" for one in server.changed)
        state = say("tools_changed", language, server=server.name, tools=names)
    return f"- {server.name}: {state}"


COMMANDS = (Command("tools", _tools, "text", of_place=True, in_menu=True, for_asker=True),)
