"""The operator's lists: who may ask, who is an admin or owner, and which models one may choose."""

from collections.abc import Collection, Mapping, Sequence

from core.messages import ConversationId, place_id
from core.people.roles import Role, read_role, tenant_of
from core.settings import Settings


class Access:
    """The lists of the settings. Each entry of a person or place is `platform:id`.

    Args:
        people: who is listed with which role.
        places: in which places anyone may ask.
        everyone: whether anyone may ask anywhere.
        models: which models one may choose, and from which role on.
    """

    def __init__(
        self,
        people: Mapping[Role, Collection[str]],
        places: Collection[str] = (),
        *,
        everyone: bool = False,
        models: Mapping[str, Role] | None = None,
    ) -> None:
        self._roles = {one: role for role in sorted(people) for one in people[role]}
        self._places = frozenset(places)
        self.open = everyone
        self._models = models or {}

    def names_somebody(self, tenant: str) -> bool:
        """Whether the lists say for *tenant* who may ask."""
        return self.open or any(tenant_of(one) == tenant for one in (*self._roles, *self._places))

    def people(self, tenant: str, least: Role) -> Sequence[str]:
        """The listed people of *tenant* who are *least* or more."""
        roles = self._roles.items()
        return [one for one, role in roles if role >= least and tenant_of(one) == tenant]

    def places(self, tenant: str) -> Sequence[str]:
        """The listed places of *tenant*."""
        return sorted(one for one in self._places if tenant_of(one) == tenant)

    def role_of(self, person: str, conversation: ConversationId | None = None) -> Role:
        """The role that the lists give *person*, who speaks in *conversation*."""
        role = self._roles.get(person, Role.STRANGER)
        if conversation is None:
            return role
        enters = self.open or place_id(conversation) in self._places
        return max(role, Role.MEMBER) if enters else role

    def may_choose(self, model: str, role: Role, offered: Collection[str], *, local: bool) -> bool:
        """Whether somebody with *role* everywhere may choose *model*.

        Args:
            offered: the models that the operator names one by one. One name is not a list: then
                every model may be chosen.
            local: on a local platform everybody is an owner, so there the list is for owners too.
        """
        default = dict.fromkeys(offered if len(offered) > 1 else ("*",), Role.MEMBER)
        listed = self._models or default
        least = [listed[one] for one in (model, "*") if one in listed]
        return role >= min(least) if least else role >= Role.ADMIN and not local

    def choosable(self, role: Role, offered: Collection[str], *, local: bool) -> list[str]:
        """The models to show to *role*: those of *offered* they may choose, then other listed."""
        shown = [one for one in offered if self.may_choose(one, role, offered, local=local)]
        more = [one for one in self._models if self.may_choose(one, role, offered, local=local)]
        return shown + sorted({*more} - {"*", *shown})


def access_of(settings: Settings) -> Access:
    """The lists in *settings*.

    Raises:
        ConfigError: an entry of ALLOWED_MODELS names a role that there is not.
    """
    people = {
        Role.MEMBER: settings.allowed_users,
        Role.ADMIN: settings.admins,
        Role.OWNER: settings.owners,
    }
    models = {}
    for entry in settings.allowed_models:
        model, _, role = entry.partition("=")
        models[model.strip()] = read_role("ALLOWED_MODELS", role) if role else Role.MEMBER
    return Access(people, settings.allowed_chats, everyone=settings.open, models=models)
