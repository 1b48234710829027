"""Every key that Palaver writes.

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


def mail(conversation: ConversationId) -> str:
    return f"{TAG}:mail:{conversation}"


def state(conversation: ConversationId) -> str:
    return f"{TAG}:state:{conversation}"


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
    return f"{TAG}:ready:{platform}"


def running(person: str) -> str:
    return f"{TAG}:running:{person}"


def parked(person: str) -> str:
    return f"{TAG}:parked:{person}"


def moved(place: ConversationId) -> str:
    """Where *place* was before it moved."""
    return f"{TAG}:moved:{place}"


def lease(name: str) -> str:
    return f"{TAG}:lease:{name}"


def bucket(name: str) -> tuple[str, str]:
    """When its tokens were taken; how it is held and paced."""
    return f"{TAG}:bucket:{name}", f"{TAG}:pace:{name}"


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


def learned(key: str) -> str:
    return f"{TAG}:learned:{key}"
