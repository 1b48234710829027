"""Which bot has which name: whatever the operator changes, no bot comes by what another knows."""

import pytest

from bots.registry import found
from bots.tenants import tenants_of
from core.errors import PlatformError
from core.store.tenants import Tenants
from tests.harness import settings_for

(TELEGRAM,) = (plugin for plugin in found() if plugin.name == "telegram")


class Deployment:
    """Starts with some tokens, one after the other, on one store."""

    def __init__(self, redis, tmp_path):
        self.tenants, self.tmp_path = Tenants(redis), tmp_path

    async def start(self, *bots, toml="", known=None):
        """The name of each bot (a letter is one), or why it is not served."""
        path = self.tmp_path / "palaver.toml"
        path.write_text(toml)
        tokens = ",".join(f"{ord(bot)}:token" for bot in bots)
        settings = settings_for(self.tmp_path, telegram_bot_token=tokens, palaver_config=path)
        known = await self.tenants.known() if known is None else known
        listed = tenants_of(TELEGRAM, settings, known)
        self.tenants.wanted = {name: wanted for name, (_, wanted) in listed.items()}
        names = {}
        for name, (own, _) in listed.items():
            try:
                await self.tenants.hold(name)
                held = name
            except PlatformError as error:
                held = str(error)
            names[chr(int(own.telegram_bot_token.get_secret_value().partition(":")[0]))] = held
        return names


@pytest.fixture
def deployment(redis, tmp_path):
    return Deployment(redis, tmp_path)


def own(bot):
    return f"telegram+{ord(bot)}"


def table(bot, name):
    return f'[[telegram]]\nname = "{name}"\ntoken = "{ord(bot)}:token"\n'


async def test_the_first_bot_has_the_plain_name_and_keeps_it_in_any_order(deployment):
    assert await deployment.start("A") == {"A": "telegram"}
    assert await deployment.start("B", "A") == {"A": "telegram", "B": own("B")}
    assert await deployment.start("C", "B", "A") == {"A": "telegram", "B": own("B"), "C": own("C")}
    assert await deployment.start("A", "C") == {"A": "telegram", "C": own("C")}


async def test_a_bot_that_is_left_alone_does_not_become_the_one_that_was_taken_away(deployment):
    await deployment.start("A", "B")
    assert await deployment.start("B") == {"B": own("B")}
    assert await deployment.start("C", "B") == {"B": own("B"), "C": own("C")}
    assert await deployment.start("A", "B") == {"A": "telegram", "B": own("B")}


async def test_the_only_bot_may_be_replaced_as_in_versions_before(deployment):
    """Somebody goes over from a test bot to another one, and keeps all that is there."""
    assert await deployment.start("A") == {"A": "telegram"}
    assert await deployment.start("B") == {"B": "telegram"}
    assert await deployment.start("A", "B") == {"A": own("A"), "B": "telegram"}


async def test_a_name_that_is_given_may_go_to_another_bot_but_no_bot_to_another_name(deployment):
    shop = table("B", "shop")
    assert await deployment.start("A", toml=shop) == {"A": "telegram", "B": "telegram+shop"}
    assert await deployment.start("A", toml=table("C", "shop")) == {
        "A": "telegram",
        "C": "telegram+shop",
    }
    refused = await deployment.start("A", toml=table("C", "store"))
    assert refused["A"] == "telegram"
    assert "kept as telegram+shop" in refused["C"]
    moved = await deployment.start(toml=table("A", "telegram") + table("C", "shop"))
    assert moved == {"A": "telegram", "C": "telegram+shop"}


async def test_names_that_could_not_be_read_at_the_start_are_still_not_mixed_up(deployment):
    await deployment.start("A", "B")
    refused = await deployment.start("B", known={})
    assert "kept as" in refused["B"]


async def test_no_secret_of_a_tenant_is_shown_by_what_it_is_made_from(deployment):
    await deployment.start("A", toml=table("B", "shop"))
    assert "token" not in repr(deployment.tenants.wanted)
