"""The tools that come with Palaver, their registry, and the check of arguments."""

import datetime
import time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from redis.asyncio import Redis

from bots import check_tools
from core.errors import ConfigError
from core.messages import conversation_id
from core.models.tool_calls import ToolCall
from core.settings import Settings
from core.toolbox import open_tools
from core.tools.arguments import ArgumentCheck
from core.tools.built_in import BUILT_IN
from core.tools.calculate import calculate
from core.tools.clock import Clock
from core.tools.registry import MOST_OFFERED, Known, Tools
from core.tools.tool import ToolContext, ToolError, ToolResult, ToolSpec
from core.turn.planning import planned

NOW = datetime.datetime(2026, 11, 26, 4, 9, 31, tzinfo=ZoneInfo("Europe/Berlin"))


def context(place="telegram:5:", role="member"):
    return ToolContext(conversation_id(*place.split(":")), "telegram:5", role, True, NOW)


class Fake:
    def __init__(self, name="fake", schema=None, **more):
        self.spec = ToolSpec(name, "", schema or {"type": "object"}, "read_only", **more)

    async def call(self, arguments, context):
        return ToolResult("done")


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("2+3*4", "14"),
        ("(2+3)*4", "20"),
        ("2^3*2", "16"),
        ("-2**2", "-4"),
        ("0.1+0.2", "0.3"),
        ("1/3", "0.333333333333333 (exactly 1/3)"),
        ("7/8", "0.875"),
        ("2**100", "1267650600228229401496703205376"),
        ("12.50 × 3 − 7,5".replace(",", "."), "30"),
        ("sqrt(16)", "4"),
        ("sqrt(2)", "1.4142135623731"),
        ("sqrt(1/4)", "0.5"),
        ("round(2.675, 2)", "2.68"),
        ("round(10/4)", "2"),
        ("floor(-3.5)", "-4"),
        ("17 % 5", "2"),
        ("-7 // 2", "-4"),
        ("max(1, 2.5, 2)", "2.5"),
        ("mean(1, 2, 4)", "2.33333333333333 (exactly 7/3)"),
        ("factorial(20)", "2432902008176640000"),
        ("comb(49, 6)", "13983816"),
        ("gcd(84, 36)", "12"),
        ("log(8, 2)", "3"),
        ("ln(e)", "1"),
        ("sin(pi/2)", "1"),
        ("1000 * 1.05^10 =", "1628.89462677744"),
        ("10**1000/3", "3.33333333333333E+999"),
    ],
)
def test_arithmetic_is_exact_where_it_can_be(expression, value):
    assert calculate(expression) == value


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "hello",
        "__import__('os').system('x')",
        "().__class__",
        "[1,2]",
        "1,000",
        "'a'*10**9",
        "open('x')",
        "lambda: 1",
        "x := 3",
        "True + 1",
        "1 if 2 else 3",
        "sqrt",
        "sqrt()",
        "round(1, 2, 3)",
        "min()",
        "1/0",
        "0**-1",
        "9**9**9",
        "10**10**10",
        "2**100000",
        "factorial(10**6)",
        "comb(10**9, 5*10**8)",
        "round(1, 10**9)",
        "1e999",
        "1e308*1e308*0.5**0.5",
        "exp(1000)",
        "sqrt(-1)",
        "log(0)",
        "1and 2",
        "(" * 500,
        "-" * 999 + "1",
        "1" + "+1" * 499 + "0" * 500,
        "\0",
        "9" * 900 + "*" + "9" * 900,
    ],
)
def test_whatever_is_no_arithmetic_or_too_much_is_refused_at_once(expression):
    with pytest.raises(ValueError, match=r"\w"):
        calculate(expression)


@given(st.text("0123456789.+-*/%^() ,eE", max_size=60))
def test_no_expression_is_expensive_or_ends_otherwise(expression):
    began = time.process_time()
    try:
        assert calculate(expression)
    except ValueError as error:
        assert str(error)
    assert time.process_time() - began < 1


async def test_the_clock_tells_the_time_here_and_elsewhere():
    here = await Clock().call({}, context())
    assert here.text == "Thursday, 2026-11-26 04:09:31, Europe/Berlin, UTC+01:00"
    there = await Clock().call({"zone": "Asia/Tokyo"}, context())
    assert there.text == "Thursday, 2026-11-26 12:09:31, Asia/Tokyo, UTC+09:00"
    for wrong in ("Nowhere/City", "../../etc/passwd", "\0", "Europe"):
        with pytest.raises(ToolError):
            await Clock().call({"zone": wrong}, context())


# --- The registry ----------------------------------------------------------------------------


def test_a_tool_is_known_only_where_it_may_be_used():
    tools = Tools(
        [
            Fake("everywhere"),
            Fake("here", places=("telegram:5",)),
            Fake("platform", places=("telegram",)),
            Fake("admins", roles=("owner", "admin")),
        ]
    )
    assert tools.for_turn(context()).names == ["everywhere", "here", "platform"]
    # Another chat whose number begins with the same digit.
    assert tools.for_turn(context("telegram:55:")).names == ["everywhere", "platform"]
    assert tools.for_turn(context("slack:C1:1.2", "admin")).names == ["everywhere", "admins"]
    assert tools.for_turn(context("telegram:5:7")).names == ["everywhere", "here", "platform"]
    assert tools.for_turn(context("slack:C1:1.2")).find("admins") is None
    only = replace(context("slack:C1:1.2", "admin"), allowed=("every*",))
    assert tools.for_turn(only).names == ["everywhere"]


def test_servers_with_many_tools_leave_our_own_their_places():
    served = {f"big__{at}": Known(Fake(f"big__{at}")) for at in range(100)}
    names = Tools([Fake("time")], lambda: served).for_turn(context()).names
    assert len(names) == MOST_OFFERED
    assert names[:2] == ["time", "big__0"]


def test_calls_that_mean_the_same_are_the_same_however_they_are_written():
    toolbox = Tools([Fake("make")]).for_turn(context())

    def digest(arguments, name="make"):
        return planned(ToolCall("1", name, arguments), toolbox).digest

    same = digest('{"a": 1, "b": {"c": [1], "d": "é"}}')
    assert digest('{"b":{"d":"\\u00e9","c":[1]},"a":1}') == same
    assert digest('{"a": 1, "b": {"c": [1], "d": "é"}}', "functions.make") == same
    assert digest("") == digest("{}") == digest("null")
    other = digest('{"a": 2, "b": {"c": [1], "d": "é"}}'), digest('{"a": '), digest("[" * 5_000)
    assert len({same, digest(""), *other}) == 5


async def test_check_says_that_a_model_is_offered_fewer_tools_than_there_are(monkeypatch):
    monkeypatch.setattr(check_tools, "MOST_OFFERED", 3)
    *_, last = [
        one async for one in check_tools.tools(Settings(tools="time,calculate,image,memory"))
    ]
    assert last == ("note", "of 4 tools a model is offered 3: let `allow` name fewer", "")


@pytest.mark.parametrize("name", ["", "two words", "a.b", "x" * 65, "é"])
def test_a_name_that_providers_refuse_is_refused(name):
    with pytest.raises(ValueError, match="may not be called"):
        Tools([Fake(name)])


def test_two_tools_never_share_a_name():
    with pytest.raises(ValueError, match="may not be called"):
        Tools([Fake("same"), Fake("same")])


@pytest.mark.parametrize("said", ["fake", "functions.fake", "default_api:fake", " fake"])
def test_a_prefix_that_models_put_before_a_name_is_no_other_tool(said):
    assert Tools([Fake()]).for_turn(context()).find(said) is not None


async def names_of(*, paints=True, **given):
    settings = Settings(**given)
    # Without servers nothing is asked of the store.
    async with open_tools(settings, (), Redis(), paints=paints) as (tools, _):
        return [spec.name for spec in tools]


async def test_the_operator_is_told_which_tools_there_are():
    with pytest.raises(ConfigError, match="there are time, calculate"):
        await names_of(tools=("clock",))
    assert await names_of() == list(BUILT_IN)
    assert await names_of(tools=()) == []
    assert "image" not in await names_of(paints=False)
    assert await names_of(tools=("read_page",)) == ["read_page"]
    assert await names_of(tools=(), search="tavily", search_key="k") == ["web_search", "read_page"]
    with pytest.raises(ConfigError, match="SEARCH_KEY"):
        await names_of(search="tavily")


# --- Arguments -------------------------------------------------------------------------------


def test_what_is_wrong_with_arguments_is_told_to_the_model():
    check = ArgumentCheck(BUILT_IN["calculate"]().spec.schema)
    assert check.read('{"expression": "1+1"}') == {"expression": "1+1"}
    for wrong, told in (
        ("{", "no JSON object"),
        ("{}", "required"),
        ('{"expression": 2}', "/expression: 2 is not of type"),
        ('{"expression": "1", "more": 1}', "more"),
        ('{"expression": "' + "1" * 2_000 + '"}', "longer than 1000"),
    ):
        with pytest.raises(ValueError, match=told) as error:
            check.read(wrong)
        assert len(str(error.value)) < 500


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_schema_of_each_tool_of_our_own_makes_sense(name):
    """It is looked at when the tool is first called, not at the start."""
    assert ArgumentCheck(BUILT_IN[name]().spec.schema)


def test_a_schema_that_would_explode_is_checked_within_a_bound():
    """The same pattern takes pure Python 3.7 s at 27 characters, and doubles with each more."""
    bomb = ArgumentCheck({"type": "object", "properties": {"a": {"pattern": "^(?=a)(a+)+$"}}})
    began = time.process_time()
    with pytest.raises(ValueError, match=r"\w"):
        bomb.read('{"a": "' + "a" * 5_000 + '!"}')
    assert time.process_time() - began < 1


@pytest.mark.parametrize("there", ["http://127.0.0.1:1/x.json", "file:///etc/hostname"])
def test_a_schema_leads_nowhere_else(there):
    with pytest.raises(ValueError, match=r"\w"):
        ArgumentCheck({"$ref": there})


@pytest.mark.parametrize("depth", [100, 300, 5_000])
def test_deep_arguments_are_read_or_refused(depth):
    check = ArgumentCheck({"type": "object", "properties": {"a": {"type": "array"}}})
    try:
        check.read('{"a": ' + "[" * depth + "]" * depth + "}")
    except ValueError as error:
        assert str(error)
