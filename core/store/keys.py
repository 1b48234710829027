"""Every key that Palaver writes.

*lane* is the name of a lane (see `core.store.lanes`), which is the conversation where it has one.
All keys of one conversation carry the same hash tag, because the scripts that
keep the promises touch several of them at once and a cluster allows that only
within one slot.
"""

from core.messages import ConversationId

TAG = "palaver:{0}"
CONTROL = f"{TAG}:control"
DEAD = f"{TAG}:dead"
SECRET = f"{TAG}:secret"
PULSE = f"{TAG}:pulse"
GROUP = "workers"


def mail(lane: str) -> str:
    return f"{TAG}:mail:{lane}"


def state(lane: str) -> str:
    """Of a lane: fence, checkpoint and what ends with the turn; of its conversation: the rest."""
    return f"{TAG}:state:{lane}"


def posts(conversation: ConversationId) -> str:
    return f"{TAG}:posts:{conversation}"


def history(conversation: ConversationId) -> str:
    return f"{TAG}:history:{conversation}"


def speakers(conversation: ConversationId) -> str:
    """The names of who spoke in a thread that we answer in."""
    return f"{TAG}:speakers:{conversation}"


def ratings(conversation: ConversationId) -> str:
    """What people thought of answers, by the event of the question."""
    return f"{TAG}:ratings:{conversation}"


def recent(place: ConversationId) -> str:
    """Who spoke with us in which threads of *place*, by when they last did."""
    return f"{TAG}:recent:{place}"


def seen(event_id: str) -> str:
    return f"{TAG}:seen:{event_id}"


def ready(platform: str) -> str:
    """The ready stream of conversations that have one lane."""
    return f"{TAG}:ready:{platform}"


def lanes(platform: str) -> str:
    """The ready stream of lanes in groups: apart, for versions before lanes read the other."""
    return f"{TAG}:lanes:{platform}"


def running(who: str) -> str:
    """*who*: a person, or a place."""
    return f"{TAG}:running:{who}"


def parked(who: str) -> str:
    return f"{TAG}:parked:{who}"


def crowd(platform: str) -> str:
    """The lanes that are parked, and since when."""
    return f"{TAG}:crowd:{platform}"


def crowd_posts(platform: str) -> str:
    """The posts that tell groups to wait, by conversation."""
    return f"{TAG}:crowd-posts:{platform}"


def moved(place: ConversationId) -> str:
    """Where *place* was before it moved."""
    return f"{TAG}:moved:{place}"


def gesture(name: str) -> str:
    """What somebody said in a group in the last moments, as far as it may be part of a gesture."""
    return f"{TAG}:gesture:{name}"


def lease(name: str) -> str:
    return f"{TAG}:lease:{name}"


def level(bucket: str) -> str:
    """What is known of *bucket*. (Versions before this one kept `bucket:` and `pace:`.)"""
    return f"{TAG}:level:{bucket}"


def told(name: str) -> str:
    return f"{TAG}:told:{name}"


def board(name: str) -> str:
    return f"{TAG}:board:{name}"


def spent(who: str) -> str:
    """*who*: a conversation, a person, or `model:` and its name."""
    return f"{TAG}:spent:{who}"


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
