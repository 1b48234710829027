"""Who may do what: the table, the operator's lists, what admins decided, a place's own admins."""

from dataclasses import dataclass

import pytest

from core.messages import Incoming, Sender, conversation_id
from core.people.access import Access
from core.people.rights import Rights
from core.people.roles import RIGHTS, Member, Role

GROUP = conversation_id("telegram", "-100")


class Decided(dict):
    async def look(self, tenant, names):
        return [self.get(name) for name in names]


@dataclass
class Place:
    """A platform whose groups have *admins*."""

    admins: tuple = ()
    local: bool = False

    async def administers(self, conversation, person):
        return person in self.admins


def rights(users=(), chats=(), admins=(), decided=(), **more):
    return Rights(Access(users, chats, admins), Decided(decided), **more)


def said(person="telegram:1", *, private=False):
    return Incoming(
        event_id="e",
        conversation=conversation_id("telegram", "1") if private else GROUP,
        sender=Sender(person, "Ann"),
        text="",
        private=private,
    )


async def may(who, act, incoming, platform):
    role = await who.role(platform, incoming)
    return await who.may(platform, incoming, act, role)


@pytest.mark.parametrize("act", ["new", "model", "persona", "settings", "others"])
async def test_what_changes_something_for_others_needs_a_role_in_a_group(act):
    platform = Place(admins=("telegram:2",))
    who = rights(users=("telegram:1", "telegram:2"), admins=("telegram:3",))
    assert not await may(who, act, said("telegram:1"), platform)
    assert await may(who, act, said("telegram:1", private=True), platform)
    assert await may(who, act, said("telegram:2"), platform)
    assert await may(who, act, said("telegram:3"), platform)


@pytest.mark.parametrize("act", ["budget", "allow", "block", "any model", "name admins"])
async def test_an_admin_of_a_group_alone_has_no_right_over_money_and_people(act):
    platform = Place(admins=("telegram:2",))
    who = rights(users=("telegram:2",), admins=("telegram:3",))
    for private in (True, False):
        assert not await may(who, act, said("telegram:2", private=private), platform)
        assert await may(who, act, said("telegram:3", private=private), platform) is (
            act != "name admins"
        )


async def test_an_operator_may_keep_the_admins_of_groups_from_being_ours():
    platform = Place(admins=("telegram:2",))
    who = rights(users=("telegram:2",), place_admins=False)
    assert not await may(who, "new", said("telegram:2"), platform)
    assert who.who_may("new") == "only_admins"


async def test_an_admin_of_a_group_that_may_not_ask_is_still_a_stranger():
    platform = Place(admins=("telegram:2",))
    who = rights(users=("telegram:9",))
    assert await who.role(platform, said("telegram:2")) is Role.STRANGER
    assert not await may(who, "new", said("telegram:2"), platform)


async def test_somebody_blocked_has_no_rights_unless_the_operator_lists_them_as_an_admin():
    blocked = {name: Member(Role.BLOCKED) for name in ("telegram:1", "telegram:3")}
    who = rights(chats=("telegram:-100",), admins=("telegram:3",), decided=blocked)
    assert await who.role(Place(), said("telegram:1")) is Role.BLOCKED
    assert await who.role(Place(), said("telegram:3")) is Role.ADMIN


async def test_an_allowed_place_makes_its_people_members_and_no_more():
    who = rights(users=("telegram:9",), decided={"telegram:-100": Member(Role.OWNER)})
    assert await who.role(Place(), said("telegram:1")) is Role.MEMBER


async def test_an_id_of_one_platform_is_nobody_on_another():
    who = rights(admins=("slack:1",), users=("telegram:9",))
    assert await who.role(Place(), said("telegram:1")) is Role.STRANGER


async def test_on_a_local_platform_the_operator_is_owner():
    who = rights(users=("telegram:9",))
    assert await who.role(Place(("telegram:1",), local=True), said()) is Role.OWNER
    assert await who.role(Place(local=True), said()) is Role.MEMBER


def test_no_act_needs_more_in_private_than_in_a_group():
    assert all(least.private <= least.group for least in RIGHTS.values())
