"""Whom `/allow` and `/block` name: ids, mentions, `here`, or the person who is replied to."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from core.messages import Incoming, split_conversation
from core.people.roles import Role, in_place, tenant_of
from core.tenant_names import kind_of, own_name_of

ROLES: Mapping[str, Role] = {
    "member": Role.MEMBER,
    "admin": Role.ADMIN,
    "owner": Role.OWNER,
    "off": Role.STRANGER,
}
"""`off`: nothing is decided any more."""
TEXT_CHARS = 1_000
MOST = 20
"""So many people and places one command decides about."""
IDS = (re.compile(r"-?\d{1,20}"), re.compile(r"[UWCGD](?=[A-Z0-9]*\d)[A-Z0-9]{2,30}"))
"""Ids as the platforms write them: all people and places of a platform in the same way. On Slack
what has no digit may be a name in capital letters; such an id is named by a mention."""
HERE = "here"
_AROUND_IDS = "`<>,;@"


def id_shape(incoming: Incoming) -> re.Pattern[str] | None:
    """How ids are written on the platform of *incoming*; None: in any way."""
    known = incoming.sender.id.partition(":")[2]
    return next((one for one in IDS if one.fullmatch(known)), None)


class Named(NamedTuple):
    """That the people and places *names* get *role*. *here*: one of them is the place itself.

    Beside people, `here` means that they get it in this place alone.

    *unknown*: words that name nobody.
    """

    names: Sequence[str]
    role: Role
    here: str = ""
    unknown: str = ""


def read_named(incoming: Incoming, default: Role) -> Named:
    """What the text of *incoming* says behind `/allow` or `/block`.

    The name of a role stands behind the people or before them.
    """
    platform, space, _ = split_conversation(incoming.conversation)
    said = incoming.text[:TEXT_CHARS].split()
    words = [one for one in said if incoming.private or one.strip(_AROUND_IDS).lower() != HERE]
    here = f"{platform}:{space}" if len(words) < len(said) else ""
    at = next((at for at in (-1, 0) if words and words[at].lower() in ROLES), None)
    role = default if at is None else ROLES[words.pop(at).lower()]
    shape = id_shape(incoming)
    names = [here] if here else []
    unknown: list[str] = []
    own = kind_of(platform), own_name_of(platform)
    for word in words:
        bare = word.strip(_AROUND_IDS)
        tenant, _, id_ = bare.rpartition(":")
        # `Telegram:77` is known too, but the own names of bots and workspaces are theirs.
        known = (kind_of(tenant).lower(), own_name_of(tenant)) == own or not tenant
        if known and (shape.fullmatch(id_) if shape else id_ and not (names or unknown)):
            names.append(f"{platform}:{id_}")
        elif bare:
            unknown.append(word)
    mentioned = [one for one in incoming.named if tenant_of(one) == platform]
    if mentioned:
        unknown = []  # They are words of these people's names.
    elif names in ([], [here]) and incoming.about and tenant_of(incoming.about) == platform:
        mentioned, unknown = [incoming.about], []
    names = list(dict.fromkeys([*names, *mentioned]))
    if here and len(names) > 1:
        names = [in_place(one, here) for one in names if one != here]
        here = ""
    return Named(names[:MOST], role, here, " ".join(unknown))
