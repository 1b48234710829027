from core.border import SET_ASIDE, clean, set_aside
from core.telemetry import Metrics


def test_what_is_set_aside_is_counted_by_reason_and_never_by_its_text(caplog):
    before = SET_ASIDE.labels("test", "ValueError")._value.get()
    for _ in range(3):
        set_aside("test", ValueError("somebody's words"))
    assert SET_ASIDE.labels("test", "ValueError")._value.get() == before + 3
    assert [record.getMessage() for record in caplog.records] == ["set aside: test (ValueError)"]
    assert Metrics().registry.get_sample_value(
        "palaver_set_aside_total", {"border": "test", "reason": "ValueError"}
    )


def test_halves_of_a_character_are_joined_and_lone_ones_replaced():
    assert clean("a\ud83c\udf89b") == "a🎉b"
    assert clean("a\ud83cb\udf89") == "a�b�"
    assert clean("plain 中文 🎉") == "plain 中文 🎉"
