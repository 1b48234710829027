"""What processes say of themselves in English, for logs and `/readyz`, in the operator's language.

It comes from other processes too, also of another version. What is none of our sentences stays.
"""

import re
from collections.abc import Sequence

import msgspec

from core.languages.catalogue import Language, say
from core.store.use import Told

_REST = r"(?s:.{0,1000})"
_SENTENCES: Sequence[tuple[re.Pattern[str], str]] = [
    (re.compile(pattern), name)
    for pattern, name in (
        (rf"maxmemory-policy is (?P<policy>[\w-]{{1,40}}): when{_REST}", "fault_evicts"),
        (rf"nothing is written to disk{_REST}", "fault_unwritten"),
        (rf"tool server (?P<name>[\w-]{{1,40}}): (?P<why>{_REST})", "fault_server"),
        (rf"changed, waits for /tools accept: (?P<names>{_REST})", "fault_changed"),
        (r"it does not answer", "fault_silent"),
        (rf"has not started: (?P<reason>{_REST})", "fault_not_started"),
        (r"no answer in (?P<seconds>\d{1,6}) s", "admin_wrong_no_answer"),
        (r"is being connected to", "fault_connecting"),
        (rf"lost: (?P<reason>{_REST})", "fault_lost"),
        (rf"updates are not read: (?P<reason>{_REST})", "fault_unread"),
        (rf"no event is heard: (?P<reason>{_REST})", "fault_unheard"),
        (rf"not renewed: (?P<names>{_REST})", "fault_leases"),
        (r"no answer after several tries", "fault_tries"),
        (r"this (?:mail|letter) cannot be read", "fault_mail"),
    )
]


def in_language(text: str, language: Language) -> str:
    """*text*, if it is a sentence of ours, in *language*."""
    for pattern, name in _SENTENCES:
        if found := pattern.fullmatch(text):
            values = {field: in_language(one, language) for field, one in found.groupdict().items()}
            return say(name, language, **values)
    # Of a bot, its name stands before.
    head, colon, rest = text.partition(": ")
    return f"{head}: {in_language(rest, language)}" if colon else text


def told_in(told: Told, language: Language) -> Told:
    """*told*, with what is wrong in *language*."""
    wrong = {part: in_language(why, language) for part, why in told.wrong.items()}
    warnings = tuple(in_language(one, language) for one in told.warnings)
    return msgspec.structs.replace(told, wrong=wrong, warnings=warnings)
