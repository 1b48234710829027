"""The names of tenants: `telegram`, and `telegram+shop` for another bot on the same platform.

Ids of conversations, people and places begin with them. So does all that is kept.
"""

import re

OWN = "+"
"""Between the platform and a tenant's own name."""
NAME = r"[a-z][a-z0-9-]*(?:\+[A-Za-z0-9_-]{1,40})?"
"""A pattern of them."""
GUEST = "~"
"""Before the tenant whose people are guests on another platform: `web:p-1f0c~slack+T01:thread`."""
_GUEST_OF = re.compile(rf"{GUEST}([a-z][a-z0-9-]*\{OWN}[A-Za-z0-9_-]{{1,40}})\Z")


def kind_of(name: str) -> str:
    """The platform of the tenant *name*."""
    return name.partition(OWN)[0]


def own_name_of(name: str) -> str:
    """What the tenant *name* is called besides its platform; empty for the first one."""
    return name.partition(OWN)[2]


def home_tenant(name: str) -> str:
    """The tenant with which all that *name*, an id, stands for is kept.

    It is that of the id's platform, or the one whose guest somebody is there.
    """
    tenant, _, rest = name.partition(":")
    guest = _GUEST_OF.search(rest.partition(":")[0])
    return guest[1] if guest else tenant
