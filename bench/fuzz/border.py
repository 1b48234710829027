"""What a border is to the fuzzer, and inputs that are nearly right."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy


@dataclass(frozen=True)
class Border:
    """*read* is given each of *inputs*; it must not raise, whatever they are."""

    inputs: SearchStrategy[Any]
    read: Callable[[Any], object]


def nearly(*examples: object) -> SearchStrategy[bytes]:
    """Bytes: JSON of *examples* with wrong values, cut, doubled or spoilt; and any bytes."""
    wrong = st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=20),
        st.sampled_from(["\ud800", "\x00", "1e999", "-0", "a:b:c", "::", []]),
        st.lists(st.integers(), max_size=3),
        st.dictionaries(st.text(max_size=5), st.integers(), max_size=3),
    )

    @st.composite
    def changed(draw: st.DrawFn) -> bytes:
        value = draw(st.sampled_from(examples))
        if isinstance(value, dict):
            value = dict(value)
            for _ in range(draw(st.integers(0, 3))):
                key = draw(st.sampled_from([*value, "future"]) if value else st.just("future"))
                if draw(st.booleans()):
                    value[key] = draw(wrong)
                else:
                    value.pop(key, None)
        text = json.dumps(value).encode()
        at = draw(st.integers(0, len(text)))
        match draw(st.integers(0, 5)):
            case 0:
                return text[:at]
            case 1:
                return text[:at] + draw(st.binary(min_size=1, max_size=4)) + text[at:]
            case 2:
                return text + text
            case _:
                return text

    return changed() | st.binary(max_size=200)
