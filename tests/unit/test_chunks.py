"""Chunks of chat streams, as servers really send them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ModelError, Overloaded, Refused
from core.models.chunks import Finished, ReasoningDelta, TextDelta, Usage
from core.models.completions import Reader
from core.models.refusals import read_error


def read_chunk(data):
    some = []
    Reader().read(data, some)
    return some


def chunk(**fields):
    return json.dumps(fields).encode()


def choice(**fields):
    return chunk(choices=[{"index": 0, **fields}])


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (choice(delta={"role": "assistant"}), []),
        (choice(delta={"content": None}), []),
        (choice(delta=None), []),
        (choice(), []),
        (chunk(choices=[], prompt_filter_results=[{}]), []),
        (choice(delta={"content": "a"}), [TextDelta("a")]),
        (choice(delta={"content": [{"type": "text", "text": "a"}]}), [TextDelta("a")]),
        (choice(delta={"reasoning_content": "r"}), [ReasoningDelta("r")]),
        (choice(delta={"reasoning": "r", "content": "a"}), [ReasoningDelta("r"), TextDelta("a")]),
        (choice(delta={"content": ""}, finish_reason="length"), [Finished("length")]),
        (
            chunk(
                choices=[],
                usage={
                    "prompt_tokens": 5,
                    "completion_tokens": 2,
                    "prompt_tokens_details": {"cached_tokens": 4},
                },
            ),
            [Usage(5, 2, 4)],
        ),
        (
            chunk(choices=[], usage={"prompt_tokens": 5, "prompt_cache_hit_tokens": 3}),
            [Usage(5, 0, 3)],
        ),
        (
            choice(message={"content": "whole"}, finish_reason="stop"),
            [TextDelta("whole"), Finished("stop")],
        ),
    ],
)
def test_a_chunk_is_read_whatever_its_server_leaves_out(data, expected):
    assert read_chunk(data) == expected


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (chunk(error={"message": "slow down", "code": "rate_limit"}), Overloaded),
        (chunk(error="just words"), Overloaded),
        (chunk(error={"message": "no", "code": 401}), Refused),
        (chunk(error={"code": "invalid_model"}), Refused),
        (chunk(error_code=336501, error_msg="rpm"), Overloaded),
    ],
)
def test_an_error_inside_a_stream_is_an_error(data, kind):
    with pytest.raises(kind):
        read_chunk(data)


@given(
    st.binary(max_size=100)
    | st.recursive(
        st.none() | st.text(max_size=5) | st.integers(-9, 9),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["choices", "delta", "content", "error", "usage"]), inner
            )
        ),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode())
)
def test_any_payload_gives_deltas_or_a_typed_error(data):
    try:
        read_chunk(data)
    except ModelError as error:
        assert str(error)


@pytest.mark.parametrize(
    ("status", "reason"),
    [(400, "request"), (401, "key"), (402, "balance"), (403, "key"), (404, "model")],
)
def test_a_final_status_is_refused_with_its_reason(status, reason):
    error = read_error(None, status)
    assert isinstance(error, Refused)
    assert error.reason == reason


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 529])
def test_a_passing_status_may_be_tried_again(status):
    assert isinstance(read_error(None, status), Overloaded)
