"""`/tools sign in`, `/tools code`, `/tools sign out`: a person's own account with a tool server."""

from contextlib import suppress

from core.errors import PalaverError
from core.languages.catalogue import say
from core.messages import Incoming
from core.store.sign_ins import SIGNED_IN, SignIn
from core.tools.served import may_sign_in
from core.turn.commands.command import shown_name
from core.turn.context import Report, TurnContext
from core.turn.signing_in import send_link
from core.turn.tools.under_way import tool_context


async def sign_in(context: TurnContext, name: str) -> Report:
    """Send a link, if tools of that server may be used here."""
    entry = context.services.servers.asking(name)
    if entry is None or not may_sign_in(entry, tool_context(context, None, tainted=False)):
        return await _close(context, "sign_in_unknown", name)
    told = await send_link(context, SignIn(context.first.sender.id, name))
    if context.first.private and told == say("sign_in_sent", context.language):
        # The link is all that is to be said.
        await context.take_away(context.posts)
        await context.commit()
        return Report("command")
    return await context.close("command", told)


async def enter_code(context: TurnContext, code: str) -> Report:
    """Keep the account that waits for *code*, and go on with the question that waits for it."""
    services, sender = context.services, context.first.sender
    sign_ins = services.sign_ins
    arrived = None
    if sign_ins is not None and not sender.shared:
        arrived = await sign_ins.confirm(sender.id, code)
    if sign_ins is None or arrived is None:
        return await context.close("rejected", say("sign_in_wrong", context.language))
    await sign_ins.keep(arrived.account)
    signed_in = arrived.sign_in
    with suppress(PalaverError):
        # So that its tools are known. If it is away, they are known with the first call.
        await services.servers.connect(signed_in.server, arrived.account)
    told = say("sign_in_done", context.language, server=signed_in.server)
    if signed_in.token:
        await services.put(_mail(context, signed_in))
        told = f"{told} {say('sign_in_goes_on', context.language)}"
    await sign_ins.settle(sender.id)
    return await context.close("command", told)


def _mail(context: TurnContext, signed_in: SignIn) -> Incoming:
    """The mail with which the answer that waits for *signed_in* goes on."""
    return Incoming(
        event_id=f"{SIGNED_IN}:{signed_in.token}",
        conversation=signed_in.conversation,
        sender=context.first.sender,
        text=signed_in.token,
        command=SIGNED_IN,
        private=signed_in.private,
        reply_to=signed_in.reply_to,
    )


async def sign_out(context: TurnContext, name: str) -> Report:
    there = await signed_out(context, name)
    return await _close(context, "sign_in_out" if there else "sign_in_not_in", name)


async def signed_out(context: TurnContext, name: str) -> bool:
    """Sign the person out of the server *name*. Returns whether they were signed in."""
    services, person = context.services, context.first.sender.id
    if services.sign_ins is None:
        return False
    entry, accounts = services.servers.asking(name), services.servers.accounts
    if entry is None or accounts is None:
        return await services.sign_ins.forget(person, name)
    return await accounts.sign_out(person, entry)


async def signed_in_to(context: TurnContext) -> list[str]:
    """Where the person is signed in."""
    sign_ins = context.services.sign_ins
    return await sign_ins.servers_of(context.first.sender.id) if sign_ins is not None else []


async def _close(context: TurnContext, sentence: str, server: str) -> Report:
    return await context.close(
        "command", say(sentence, context.language, server=shown_name(server))
    )
