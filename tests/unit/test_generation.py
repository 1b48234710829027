"""What a model says and thinks, on its way to the screen."""

from hypothesis import given
from hypothesis import strategies as st

from core.live.markdown import heal
from core.live.pages import PagedText, clean_end
from core.models.chunks import Usage
from core.models.request import ChatRequest
from core.turn.generation import Generation

PIECES = st.lists(
    st.sampled_from(
        ["word", " ", "\n", "\n\n", "```\n", "~~~~", "| a |", "**", "> ", "- ", "`", "\r\n"]
    )
)


def quoted(thought):
    """Thinking as a quote, made of the whole of it."""
    lines = "\n> ".join(thought.strip().splitlines())
    return f"> 💭 {lines}\n\n" if lines else ""


@given(PIECES)
def test_thinking_is_quoted_piece_by_piece_as_it_is_as_a_whole(pieces):
    generation = Generation("")
    for number, piece in enumerate(pieces):
        generation.think(piece, aloud=True)
        assert generation.shown == quoted("".join(pieces[: number + 1]))
        assert generation.shown_chars == len(generation.shown)


def test_the_longest_try_stands_and_the_last_whole_one_wins():
    generation = Generation("")
    generation.add("a long text")
    generation.begin_again("")
    generation.add("short")
    assert (generation.text, generation.best, generation.ahead) == ("short", "a long text", False)
    generation.end(ChatRequest(()))
    assert generation.best == "short"


def words(text):
    return [word for word in text.split() if word.isalnum()]


@given(PIECES)
def test_a_frame_is_the_healed_page_however_it_grew(pieces):
    text, whole = PagedText(10**6, lambda page: True), ""
    for piece in pieces:
        whole += piece
        text.whole = whole
        shown = clean_end(whole, min(3, len(whole) / 2))
        # A lone mark before a table that is hidden may stay.
        assert words(text.frame(3)) == words(heal(shown))


def test_a_round_that_was_not_asked_costs_nothing():
    """A stop in the middle of a step leaves the next round unasked."""
    generation = Generation("")
    generation.asked, generation.usage = 300, Usage(11, 7)
    generation.add("I look.")
    generation.next_round()
    assert generation.total() == Usage(11, 7)
