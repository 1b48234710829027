"""Decides who may ask, and which models they may choose."""

from collections.abc import Collection

from core.messages import ConversationId, Incoming, split_conversation
from core.people.roles import Role


class Access:
    """The operator's lists. Each entry is `platform:id`.

    If neither users nor chats are listed, everyone may ask. An admin may always ask.
    """

    def __init__(
        self,
        users: Collection[str],
        chats: Collection[str],
        admins: Collection[str],
        models: Collection[str] = (),
    ) -> None:
        self._users = frozenset(users)
        self._chats = frozenset(chats)
        self._admins = frozenset(admins)
        self._models = frozenset(models)

    @property
    def open_to_everyone(self) -> bool:
        return not (self._users or self._chats)

    def allows(self, incoming: Incoming) -> bool:
        platform, space, _ = split_conversation(incoming.conversation)
        return (
            self.open_to_everyone
            or incoming.sender.id in self._users
            or f"{platform}:{space}" in self._chats
            or self.is_admin(incoming.sender.id)
        )

    def role_of(self, person: str, conversation: ConversationId) -> Role:
        """The role that the lists give *person* in *conversation*."""
        platform, space, _ = split_conversation(conversation)
        if person in self._admins:
            return Role.ADMIN
        listed = person in self._users or f"{platform}:{space}" in self._chats
        return Role.MEMBER if listed or self.open_to_everyone else Role.STRANGER

    def is_admin(self, sender_id: str) -> bool:
        return sender_id in self._admins

    def may_choose(self, model: str, sender_id: str, offered: Collection[str]) -> bool:
        """Whether *sender_id* may choose *model*.

        Args:
            offered: the models that the operator names one by one. One name is not a list: then
                every model may be chosen.
        """
        listed = self._models or (offered if len(offered) > 1 else ("*",))
        return model in listed or "*" in listed or self.is_admin(sender_id)

    def choosable(self, sender_id: str, offered: Collection[str]) -> list[str]:
        """The models to show *sender_id*: those of *offered* they may choose, then other listed."""
        shown = [model for model in offered if self.may_choose(model, sender_id, offered)]
        return shown + sorted(self._models - {"*", *shown})
