"""What a model says and thinks, on its way to the screen."""

from hypothesis import given
from hypothesis import strategies as st

from core.live.markdown import heal
from core.live.pages import PagedText, clean_end
from core.turn.draft import Draft

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
    draft = Draft("")
    for number, piece in enumerate(pieces):
        draft.think(piece, aloud=True)
        assert draft.shown == quoted("".join(pieces[: number + 1]))
        assert draft.shown_chars == len(draft.shown)


def test_the_longest_try_stands_and_the_last_whole_one_wins():
    draft = Draft("")
    draft.add("a long text")
    draft.begin_again("")
    draft.add("short")
    assert (draft.text, draft.best, draft.ahead) == ("short", "a long text", False)
    draft.settle()
    assert draft.best == "short"


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
