import logging

from core.border import SET_ASIDE, clean, printable, set_aside
from core.telemetry import Metrics, logger, set_up_logs


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


def test_what_is_printed_commands_no_terminal():
    assert printable("a\x1b[2Jb\x07\r\n\tc\x9b1m\u202ed") == "a␛[2Jb␇\n\tc\ufffd1m\ufffdd"
    assert printable("plain 中文 🎉 \u200d") == "plain 中文 🎉 \u200d"


def test_nothing_in_a_log_line_looks_like_a_line_of_its_own(capsys):
    before, level = logging.getLogger().handlers[:], logging.getLogger().level
    try:
        set_up_logs("INFO", as_json=False)
        logger("core.test").warning("said\x1b[31m\n2026 [info] forged", text="\x1b[31m\n2026")
        logging.getLogger().handlers[0].flush()
    finally:
        logging.getLogger().handlers[:] = before
        logging.getLogger().setLevel(level)
        logging.captureWarnings(capture=False)
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert "said␛[31m\\n2026" in lines[0]
    assert "\x1b" not in lines[0]
