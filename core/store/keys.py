"""Every key that Palaver writes.

*lane*: the name of a lane (`core.store.lanes`), the conversation if it has only one. The hash tag
lets a script change several keys at once in a cluster; with shards `core.store.shards` chooses it.
"""

from core.messages import ConversationId

TAG = "palaver:{0}"
CONTROL = f"{TAG}:control"
DEAD = f"{TAG}:dead"
TOOL_PINS = f"{TAG}:tool-pins"
"""What each tool of a server looked like when it was accepted, as a digest. Kept for ever."""
TOOL_OFFERS = f"{TAG}:tool-offers"
"""What servers that ask people to sign in offered, by their names; also the channel of that."""
TOOL_CLIENTS = f"{TAG}:tool-clients"
"""What we were registered as by authorization servers, by their names, encrypted."""
SECRET = f"{TAG}:secret"
TENANTS = f"{TAG}:tenants"
"""The name of each bot, see `core.store.tenants`. Kept for ever."""
SHARDS = f"{TAG}:shards"
"""How many there are, if more than one. Kept for ever."""
PULSE = f"{TAG}:pulse"
DUE = f"{TAG}:due"
"""The ids of reminders by the time at which they are due; also the channel of their news."""
LAPSES = f"{TAG}:lapses"
"""The tokens of questions to people, by the time until which they can be decided."""
REMINDERS = f"{TAG}:reminders"
AUDIT = f"{TAG}:audit"
"""What admins changed, the newest last. Bounded."""
MAINTENANCE = f"{TAG}:maintenance"
"""Who began it, while it lasts."""
REPLICAS = f"{TAG}:replicas"
"""What each process tells of itself, by its name."""
BROADCAST = f"{TAG}:broadcast"
"""The last message of the operator to many places: its text, and how far it came."""
ADDITIONS = f"{TAG}:additions"
"""What the operator added to `palaver.toml` on the operator's page."""
ADDED_KEYS = f"{TAG}:added-keys"
"""The keys of models in it, by their names, encrypted."""
GROUP = "workers"


def mail(lane: str) -> str:
    return f"{TAG}:mail:{lane}"


def state(lane: str) -> str:
    """Of a lane: fence, checkpoint and all that ends with the turn. Of a conversation: the rest."""
    return f"{TAG}:state:{lane}"


def posts(conversation: ConversationId) -> str:
    return f"{TAG}:posts:{conversation}"


def askers(conversation: ConversationId, period: int) -> str:
    """For whom each post of a group was made in *period*, by its handle."""
    return f"{TAG}:askers:{period}:{conversation}"


def history(conversation: ConversationId) -> str:
    return f"{TAG}:history:{conversation}"


def speakers(conversation: ConversationId) -> str:
    """The names of the people who spoke in a thread that we answer in."""
    return f"{TAG}:speakers:{conversation}"


def ratings(conversation: ConversationId) -> str:
    """People's verdicts on answers, by the event id of the question."""
    return f"{TAG}:ratings:{conversation}"


def recent(place: ConversationId) -> str:
    """Who spoke with us in which thread of *place*, sorted by time."""
    return f"{TAG}:recent:{place}"


def asked(person: str) -> str:
    """The conversations in which *person* asked, sorted by time."""
    return f"{TAG}:asked:{person}"


def consent(token: str) -> str:
    """What goes on once the person who was asked allows a call of a tool."""
    return f"{TAG}:consent:{token}"


def decided(token: str) -> str:
    """The press that decided the question of *token*, by its event id."""
    return f"{TAG}:decided:{token}"


def always(place: ConversationId) -> str:
    """The tools that an admin of *place* allowed there for good."""
    return f"{TAG}:always:{place}"


def memory(person: str) -> str:
    """What *person* wants remembered."""
    return f"{TAG}:memory:{person}"


def signed_in(person: str) -> str:
    """The accounts of *person* with tool servers, by their names, encrypted."""
    return f"{TAG}:signed-in:{person}"


def sign_in(name: str) -> str:
    """A link for signing in, or the walk from it to an authorization server."""
    return f"{TAG}:sign-in:{name}"


def sign_in_code(person: str) -> str:
    """An account of *person* that waits for its code, encrypted."""
    return f"{TAG}:sign-in-code:{person}"


def visit_link(digest: str) -> str:
    """Whom a link lets into a page, by the digest of its secret."""
    return f"{TAG}:visit-link:{digest}"


def visit(digest: str) -> str:
    """Who is signed in to a page, by the digest of the cookie."""
    return f"{TAG}:visit:{digest}"


def visits(person: str) -> str:
    """The digests of the sessions of *person*, sorted by time."""
    return f"{TAG}:visits:{person}"


def visit_links(person: str) -> str:
    """The digests of the links of *person* that were not used."""
    return f"{TAG}:visit-links:{person}"


def seen(event_id: str) -> str:
    return f"{TAG}:seen:{event_id}"


def ready(platform: str) -> str:
    """The ready stream of conversations that have one lane."""
    return f"{TAG}:ready:{platform}"


def lanes(platform: str) -> str:
    """The ready stream of lanes in groups. Versions before lanes read only the other stream."""
    return f"{TAG}:lanes:{platform}"


def running(who: str) -> str:
    """*who*: a person, or a place."""
    return f"{TAG}:running:{who}"


def parked(who: str) -> str:
    return f"{TAG}:parked:{who}"


def crowd(platform: str) -> str:
    """The parked lanes, and since when they wait."""
    return f"{TAG}:crowd:{platform}"


def crowd_posts(platform: str) -> str:
    """The posts that tell groups to wait, by conversation."""
    return f"{TAG}:crowd-posts:{platform}"


def moved(place: ConversationId) -> str:
    """The id that *place* had before it moved."""
    return f"{TAG}:moved:{place}"


def gesture(name: str) -> str:
    """Recent messages: pieces of one gesture, or of a thought; or who spoke in a place lately."""
    return f"{TAG}:gesture:{name}"


def overheard(conversation: ConversationId) -> str:
    """What was said to others in a conversation, by the reference of the message."""
    return f"{TAG}:overheard:{conversation}"


def overheard_order(conversation: ConversationId) -> str:
    return f"{TAG}:overheard-order:{conversation}"


def reminders_of(person: str) -> str:
    """The ids of the reminders of *person*, by their numbers."""
    return f"{TAG}:reminders-of:{person}"


def reminders_in(place: ConversationId) -> str:
    """The ids of the reminders for *place*."""
    return f"{TAG}:reminders-in:{place}"


def zone(person: str) -> str:
    """The time zone that *person* chose for themselves."""
    return f"{TAG}:zone:{person}"


def lease(name: str) -> str:
    return f"{TAG}:lease:{name}"


def level(bucket: str) -> str:
    """The level of *bucket*. (Older versions kept `bucket:` and `pace:`.)"""
    return f"{TAG}:level:{bucket}"


def members(tenant: str) -> str:
    """What admins decided about people and places, by their ids. Kept until it is changed."""
    return f"{TAG}:members:{tenant}"


def owner_code(tenant: str) -> str:
    """The code that makes its sender the owner. Its script gives it an end."""
    return f"{TAG}:owner-code:{tenant}"


def requests(tenant: str) -> str:
    """Who asked to be let in, by the id of the person."""
    return f"{TAG}:requests:{tenant}"


def told(name: str) -> str:
    return f"{TAG}:told:{name}"


def board(name: str) -> str:
    return f"{TAG}:board:{name}"


def spent(who: str) -> str:
    """*who*: a conversation, a person, or `model:` and its name."""
    return f"{TAG}:spent:{who}"


def account(who: str, limit: str, period: str) -> str:
    """What *who* spent and reserved of a budget in *period*. *limit* names its kind and models."""
    return f"{TAG}:account:{limit}:{who}:{period}"


def holds(tenant: str) -> str:
    """What the running turns of *tenant* have reserved, by lane."""
    return f"{TAG}:holds:{tenant}"


def limits(tenant: str) -> str:
    """The budgets that admins of *tenant* set."""
    return f"{TAG}:limits:{tenant}"


def tally(tenant: str, month: str) -> str:
    """Who spent how much in *month*, and on which models."""
    return f"{TAG}:tally:{tenant}:{month}"


def use(period: str) -> str:
    """What was counted in an hour or a day of UTC (`2026-11-26T13`, `2026-11-26`)."""
    return f"{TAG}:use:{period}"


def safe(kind: str) -> str:
    """What the platform *kind* keeps encrypted, by name; also the channel of changes."""
    return f"{TAG}:safe:{kind}"


def ticket(digest: str) -> str:
    return f"{TAG}:ticket:{digest}"


def redeemed(kind: str) -> str:
    return f"{TAG}:redeemed:{kind}"


def task(name: str) -> str:
    return f"{TAG}:task:{name}"


def callback(token: str) -> str:
    return f"{TAG}:callback:{token}"


def answer(key: str) -> str:
    return f"{TAG}:answer:{key}"


def picture(key: str) -> str:
    return f"{TAG}:picture:{key}"


def learned(key: str) -> str:
    return f"{TAG}:learned:{key}"
