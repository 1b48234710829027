"""The names of tenants: `telegram`, and `telegram+shop` for another bot on the same platform.

Ids of conversations, people and places begin with them. So does all that is kept.
"""

OWN = "+"
"""Between the platform and a tenant's own name."""
NAME = r"[a-z][a-z0-9-]*(?:\+[A-Za-z0-9_-]{1,40})?"
"""A pattern of them."""


def kind_of(name: str) -> str:
    """The platform of the tenant *name*."""
    return name.partition(OWN)[0]


def own_name_of(name: str) -> str:
    """What the tenant *name* is called besides its platform; empty for the first one."""
    return name.partition(OWN)[2]
