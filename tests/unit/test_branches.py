"""Which questions of a conversation on the page are shown."""

from msgspec.structs import replace

from bots.web.branches import Tree
from bots.web.posts import Post, Sent, Visitor, read_sent
from core.messages import Sender
from core.turn.bursts import first_burst


def asked(name, at, after=None, chosen=0.0):
    return Post("person", name, id=name, at=at, after=after, chosen=chosen)


def tree(*posts):
    return Tree(dict(enumerate(posts, 1)))


FORKED = (
    asked("a", 1.0, ""),
    Post("bot", "to a", to="a"),
    asked("b", 2.0, "a"),
    asked("c", 3.0, "a"),
    asked("d", 4.0, "c"),
)


def test_posts_of_earlier_versions_are_one_branch():
    one = tree(asked("a", 1.0), Post("bot", "x"), asked("b", 2.0), asked("c", 3.0))
    assert one.way(one.end()) == ["a", "b", "c"]
    assert one.elsewhere("c") == ()
    assert one.answered("a")
    assert not one.answered("b")


def test_the_wording_under_which_something_was_asked_last_is_shown():
    one = tree(*FORKED)
    assert one.way(one.end()) == ["a", "c", "d"]
    assert one.elsewhere("d") == ("b",)
    assert one.elsewhere("a") == ("b", "c", "d")
    assert one.end("b") == "b"


def test_the_wording_that_somebody_turned_to_is_shown_until_something_is_asked_elsewhere():
    *others, _, c, d = FORKED
    turned = asked("b", 2.0, "a", chosen=5.0)
    assert tree(*others, turned, c, d).end() == "b"
    assert tree(*others, turned, c, d, asked("e", 6.0, "d")).end() == "e"
    assert tree(*others, turned, c, d).newest == 5.0


def test_a_question_whose_past_was_dropped_is_a_first_one():
    one = tree(asked("b", 2.0, "gone"), asked("c", 3.0, "b"))
    assert one.way(one.end()) == ["b", "c"]


def test_an_answer_that_grows_is_none_yet():
    assert not tree(asked("a", 1.0, ""), Post("bot", "x", to="a", growing=True)).answered("a")


def test_a_new_wording_is_never_one_thought_with_what_was_asked_before_it():
    visitor = Visitor("v", Sender("web:v", "v"))
    first = read_sent(Sent("aaaaaaaa", "tell me a story"), visitor, "thread-1", "en")
    more = read_sent(Sent("bbbbbbbb", "and a joke"), visitor, "thread-1", "en")
    other = replace(more, elsewhere=("aaaaaaaa",))
    assert len(first_burst([first, more], thoughts=True)) == 2
    assert len(first_burst([first, other], thoughts=True)) == 1
