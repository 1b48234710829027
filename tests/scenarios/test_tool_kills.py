"""A turn with three steps, killed by SIGKILL at its boundaries: no effect is done twice."""

import pytest

from bench.tool_kills import run
from tests.harness import until
from tests.servers.tools import EFFECTS, calling

STEPS = ("look", "set", "make")
"""One call that only reads, one that may be repeated, one with an effect, in this order."""
ROUNDS = [("", [(step, {"what": "a"})]) for step in STEPS]


def whole(server):
    return [post for post in server.posts(77) if "RESULT" in post.text and "retry" in str(post)]


def started(served):
    return {"module": "tests.with_tools", "tools_at": served.url, "tools": ",".join(EFFECTS)}


def asking(server):
    """Our posts that ask, each with its button for yes."""
    found = []
    for post in server.posts(77):
        rows = (post.markup or {}).get("inline_keyboard", [])
        commands = [button["callback_data"] for row in rows for button in row]
        found += [(post, one) for one in commands if one.startswith("permit ")]
    return found


@pytest.mark.parametrize("moment", ["it waits", "make"])
async def test_a_kill_loses_no_question_and_what_was_allowed_is_done_once(
    moment, server, model, replica, served
):
    calling(model, *ROUNDS)
    first = replica(**started(served))
    server.say(77, "go")
    ((post, yes),) = await until(lambda: asking(server))
    if moment == "make":
        served.hold_at = moment
        server.press(post, yes)
        await until(lambda: served.order[-1][0] == moment)
    first.kill()
    served.hold_at = ""
    replica(**started(served))
    if moment == "it waits":
        assert ("make", "a") not in served.done
        server.press(post, yes)
    (post,) = await until(lambda: whole(server), 30)
    # The kill may come between a post and its record: then the same question stands twice.
    assert {one for _, one in asking(server)} <= {yes}
    assert served.done == {("look", "a"): 1, ("set", "a"): 1, ("make", "a"): 1}
    assert ("may have been done" in post.text) == (moment == "make")


@pytest.mark.parametrize("moment", [*STEPS, "behind all steps"])
async def test_a_kill_does_no_effect_twice_and_loses_no_answer(
    moment, server, model, replica, served
):
    calling(model, *ROUNDS)
    start = {**started(served), "tools_ask": "never"}
    first = replica(**start)
    if moment in STEPS:
        served.hold_at = moment
        server.say(77, "go")
        await until(lambda: served.order and served.order[-1][0] == moment)
    else:
        # The text is slow, so the kill comes when all steps are recorded.
        model.piece_s = 0.5
        server.say(77, "go")
        await until(lambda: len(model.requests) == len(STEPS) + 1)
    first.kill()
    served.hold_at, model.piece_s = "", 0.0
    replica(**start)
    (post,) = await until(lambda: whole(server), 30)
    assert len(server.posts(77)) == 1
    assert served.done["make", "a"] == 1
    assert served.done["look", "a"] == (2 if moment == "look" else 1)
    assert served.done["set", "a"] == (2 if moment == "set" else 1)
    # Both tries of a call have the same key.
    assert len(set(served.keys["set", "a"])) == 1
    assert ("may have been done" in post.text) == (moment == "make")


@pytest.mark.timeout(120)
async def test_three_replicas_killed_at_the_boundaries_of_their_turns_do_no_effect_twice():
    """A short run of `python -m bench.tool_kills`: an MCP server counts what is done."""
    result = await run(seeds=(26, 28, 43), at_once=3, max_turns=1)
    assert result.good, result.table()
    assert sum(result.kills.values()) == 3
