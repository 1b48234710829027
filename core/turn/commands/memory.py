"""`/memory`: what is remembered about the person who asks. It is theirs alone."""

from core.languages.catalogue import say
from core.messages import Button
from core.people.facts import FACT_CHARS, holds_secret, one_line
from core.store.memories import Memory
from core.turn.commands.command import MOST_BUTTONS, Command
from core.turn.context import Report, TurnContext

WAYS = ("add", "remove", "on", "off", "clear", "here")
_PROPOSED = ("keep", "drop")


async def _memory(context: TurnContext) -> Report:
    """Show the list, or change it as the first word says."""
    way, _, rest = context.first.text.strip().partition(" ")
    way, rest = way.lower(), rest.strip()
    if context.first.sender.shared:
        return await context.close("command", say("memory_shared", context.language))
    if way == "add":
        text = await _add(context, rest)
    elif way in ("remove", *_PROPOSED):
        text = await _one(context, way, rest.removeprefix("#"))
    elif way in ("on", "off", "clear", "here"):
        text = await _all(context, way, rest.lower())
    else:
        return await _show(context)
    return await context.close("command", text)


async def _add(context: TurnContext, text: str) -> str:
    language, fact = context.language, one_line(text)
    if not fact:
        return say("memory_usage", language)
    if len(fact) > FACT_CHARS:
        return say("memory_long", language, most=FACT_CHARS)
    if holds_secret(fact):
        return say("memory_secret", language)
    kept = await context.claim.memories.add(context.first.sender.id, fact)
    if kept is None:
        return say("memory_full", language)
    return say("memory_added", language, number=kept.number)


async def _one(context: TurnContext, way: str, number: str) -> str:
    """Remove a fact, or keep or drop what a model proposed. Only one's own can be found."""
    memories, person, language = (
        context.claim.memories,
        context.first.sender.id,
        context.language,
    )
    at = int(number) if number.isascii() and number.isdigit() and len(number) < 10 else 0
    if way == "drop":
        await memories.decline(person, at)
        return say("memory_dropped", language)
    if way == "keep":
        kept = await memories.agree(person, at)
        return say("memory_added" if kept else "memory_gone", language, number=at)
    removed = await memories.remove(person, at)
    return say("memory_removed" if removed else "memory_unknown", language, number=at)


async def _all(context: TurnContext, way: str, rest: str) -> str:
    memories, person, language = (
        context.claim.memories,
        context.first.sender.id,
        context.language,
    )
    if way == "clear":
        await memories.clear(person)
        return say("memory_cleared", language)
    if way == "here":
        if context.first.private:
            return say("memory_private", language)
        here = rest != "off"
        await memories.use_in(person, context.claim.conversation, here=here)
        return say("memory_here" if here else "memory_not_here", language)
    await memories.switch(person, on=way == "on")
    return say(f"memory_{way}", language)


async def _show(context: TurnContext) -> Report:
    """The list with a button for each fact. In a group everybody could read it."""
    language = context.language
    if not context.first.private:
        return await context.close("command", say("memory_group", language))
    memory = await context.claim.memories.of(context.first.sender.id)
    shown = await context.say(_shown(context, memory), _buttons(memory))
    await context.commit()
    return Report("command", shown)


def _shown(context: TurnContext, memory: Memory) -> str:
    language = context.language
    facts = "\n".join(f"- **#{one.number}** {one.text}" for one in memory.facts)
    parts = [say("memory_is", language, facts=facts) if facts else say("memory_none", language)]
    if memory.proposed is not None:
        parts.append(say("memory_ask", language, fact=memory.proposed.text))
    if memory.off:
        parts.append(say("memory_off", language))
    if memory.places:
        parts.append(say("memory_places", language, places=len(memory.places)))
    return "\n\n".join(parts)


def _buttons(memory: Memory) -> list[Button]:
    # The newest: old ones can be removed by typing their number.
    newest = memory.facts[-MOST_BUTTONS:]
    return [Button(f"memory remove {one.number}", f"✕ {one.number}") for one in newest]


COMMANDS = (
    Command(
        "memory",
        _memory,
        "text",
        choices=lambda _: WAYS,
        in_menu=True,
        for_asker=True,
        act="own data",
    ),
)
