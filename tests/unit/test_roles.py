"""Who may do what: the table, the operator's lists, what admins decided, a place's own admins."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from bots.registry import read_settings
from core.errors import ConfigError
from core.messages import Incoming, Sender, conversation_id
from core.people.access import Access, access_of
from core.people.rights import Rights
from core.people.roles import RIGHTS, Member, Role, read_rights, tenant_of

GROUP = conversation_id("telegram", "-100")


class Decided(dict):
    async def look(self, tenant, names):
        return [self.get(name) for name in names]


@dataclass
class Place:
    """A platform whose groups have *admins*."""

    admins: tuple = ()
    local: bool = False
    name: str = "web"

    async def administers(self, conversation, person):
        return person in self.admins


def rights(users=(), chats=(), admins=(), decided=(), **more):
    access = Access({Role.MEMBER: users, Role.ADMIN: admins}, chats)
    return Rights(access, Decided(decided), **more)


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


@pytest.mark.parametrize("act", ["operate", "budget", "any model"])
def test_the_owner_of_one_more_bot_is_not_told_that_only_owners_may(act):
    """They are one, so that sentence would help them to nothing."""
    who = rights()
    assert who.who_may(act, "telegram+shop:1", Role.OWNER) == "only_operator"
    assert who.who_may(act, "telegram+shop:1", Role.MEMBER) in ("only_owner", "only_admins")
    assert who.who_may(act, "telegram:1", Role.MEMBER) in ("only_owner", "only_admins")


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
    assert await who.role(Place(("web:1",), local=True), said("web:1")) is Role.OWNER
    assert await who.role(Place(local=True), said("web:1")) is Role.MEMBER


async def test_who_came_to_a_local_platform_by_a_link_is_who_they_are_elsewhere():
    who, page = rights(users=("telegram:9",), admins=("telegram:3",)), Place(local=True)
    page.admins = ("telegram:1", "telegram:9")
    assert await who.role(page, said("telegram:1", private=True)) is Role.STRANGER
    assert await who.role(page, said("telegram:9", private=True)) is Role.MEMBER
    assert await who.role(page, said("telegram:3", private=True)) is Role.ADMIN


@pytest.mark.parametrize("person", ["telegram+shop:1", "slack+T01:U1"])
async def test_the_owner_of_one_more_bot_has_no_right_over_the_operators_money(person):
    """They own it, and who owns the first one pays. Whom the settings name is the operator too."""
    who = rights(decided={person: Member(Role.OWNER)})
    there = conversation_id(tenant_of(person), "1")
    assert await who.role_of(person, there) is Role.OWNER
    for act in ("allow", "bot settings", "new"):
        assert await may(who, act, said(person, private=True), Place())
    for act in ("budget", "any model"):
        assert not await may(who, act, said(person, private=True), Place())
        assert await may(rights(admins=(person,)), act, said(person, private=True), Place())
    first = rights(decided={"telegram:1": Member(Role.OWNER)})
    assert await may(first, "budget", said(private=True), Place())


def test_no_act_needs_more_in_private_than_in_a_group():
    assert all(least.private <= least.group for least in RIGHTS.values())


def _in_words(role, least):
    return role.name.lower() + (" of the bot" if least.everywhere else "")


def test_the_table_in_the_documents_is_the_table_of_the_code():
    text = Path("docs/rights.md").read_text()
    rows = [
        tuple(cell.strip() for cell in line.strip("|").split("|")[:3])
        for line in text.splitlines()
        if line.startswith("| `")
    ]
    assert rows == [
        (f"`{act}`", _in_words(least.group, least), _in_words(least.private, least))
        for act, least in RIGHTS.items()
    ]


def test_the_operator_changes_the_table_but_lets_nobody_below_an_admin_let_people_in():
    table = read_rights(("image=admin", "new = member", "usage_all=owner"))
    assert table["image"].private is Role.ADMIN
    assert table["new"].group is Role.MEMBER
    assert table["usage all"].group is Role.OWNER
    for wrong in ("allow=member", "name admins=admin", "dance=admin", "new=king", "new"):
        with pytest.raises(ConfigError):
            read_rights((wrong,))


def access(**settings):
    return access_of(read_settings(_env_file=None, **settings))


def test_a_model_may_be_kept_for_a_role():
    lists = access(allowed_models="small,large=admin")

    def chosen(role, **more):
        return lists.choosable(role, ("small", "large", "other"), local=False, **more)

    assert chosen(Role.MEMBER) == ["small"]
    assert chosen(Role.ADMIN) == ["small", "large", "other"]
    assert lists.choosable(Role.OWNER, ("small", "large", "other"), local=True) == [
        "small",
        "large",
    ]
    with pytest.raises(ConfigError):
        access(allowed_models="small=everybody")


def test_a_tenant_is_closed_while_no_setting_names_anybody_of_it():
    lists = access(admins="slack:U1")
    assert lists.names_somebody("slack")
    assert not lists.names_somebody("telegram")
    assert access(open=True).names_somebody("telegram")
    assert access(admins="slack:U1", owners="slack:U1").role_of("slack:U1") is Role.OWNER
