"""`/tools`: what the model may call here, and what of it without asking.

Admins of the bot see the servers too, and `accept` their changes. What an admin of a place once
allowed there for good, `ask` takes back.
"""

from collections.abc import Iterable, Sequence

from core.languages.catalogue import Language, say
from core.messages import Button, place_of
from core.tools.servers import ServerState
from core.turn.changes import accept_tools
from core.turn.commands.accounts import enter_code, sign_in, sign_out, signed_in_to
from core.turn.commands.command import MOST_BUTTONS, Command, labelled_buttons, shown_name
from core.turn.context import Report, TurnContext
from core.turn.tools.under_way import tool_context

ACCEPT, ASK, CODE, SIGN_IN, SIGN_OUT = "accept", "ask", "code", "sign in ", "sign out "


async def _tools(context: TurnContext) -> Report:
    """Say which tools may be used here, or do what the first word says."""
    word, _, name = context.first.text.strip().partition(" ")
    if word == ACCEPT:
        return await _accept(context, shown_name(name.strip()))
    if word == ASK:
        return await _ask_again(context, shown_name(name.strip()))
    if word == CODE:
        return await enter_code(context, name.strip())
    for begin, sign in ((SIGN_IN, sign_in), (SIGN_OUT, sign_out)):
        if context.first.text.strip().startswith(begin):
            return await sign(context, context.first.text.strip().removeprefix(begin).strip())
    language, services = context.language, context.services
    names = services.tools.for_turn(tool_context(context, None, tainted=False)).names
    listed = "\n".join(f"- `{one}`" for one in names)
    parts = [say("tools_here", language, tools=listed) if names else say("tools_none", language)]
    if await context.may("any model"):
        parts += ["\n".join(_state(one, language) for one in services.servers.states())]
    always = sorted(await context.claim.consents.allowed(place_of(context.claim.conversation)))
    if always:
        parts.append(say("tools_unasked", language, tools=_listed(always)))
    buttons: Sequence[Button] = ()
    if await context.may("always"):
        labels = {f"{ASK} {one}": say("tools_ask", language, tool=one) for one in always}
        buttons = labelled_buttons("tools", labels)
    if servers := await signed_in_to(context):
        parts.append(say("tools_signed_in", language, servers=_listed(servers)))
        labels = {
            f"{SIGN_OUT}{one}": say("tools_sign_out", language, server=one) for one in servers
        }
        buttons = [*buttons, *labelled_buttons("tools", labels)][:MOST_BUTTONS]
    return await context.close("command", "\n\n".join(filter(None, parts)), buttons)


async def _ask_again(context: TurnContext, tool: str) -> Report:
    if not await context.may("always"):
        return await context.refuse("always")
    place = place_of(context.claim.conversation)
    taken_back = await context.claim.consents.ask_again(place, tool)
    sentence = "tools_asks_again" if taken_back else "tools_not_always"
    return await context.close("command", say(sentence, context.language, tool=tool))


async def _accept(context: TurnContext, server: str) -> Report:
    # It holds for all bots and workspaces, as models do: not for the owner of one of them.
    if not await context.may("any model"):
        return await context.refuse("any model")
    accepted = await accept_tools(context.services, server, context.first.sender.id)
    sentence = "tools_accepted" if accepted else "tools_nothing"
    return await context.close(
        "command", say(sentence, context.language, tools=_listed(accepted), server=server)
    )


def _state(server: ServerState, language: Language) -> str:
    state = shown_name(server.fault) or say("tools_ready", language)
    if server.changed:
        state = say("tools_changed", language, server=server.name, tools=_listed(server.changed))
    return f"- {server.name}: {state}"


def _listed(tools: Iterable[str]) -> str:
    return ", ".join(f"`{one}`" for one in tools)


COMMANDS = (Command("tools", _tools, "text", of_place=True, in_menu=True, for_asker=True),)
