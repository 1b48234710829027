"""What may be remembered of a person: a line that holds no secret."""

import pytest

from core.people.facts import holds_secret, one_line
from core.secret import keep_secret


@pytest.mark.parametrize(
    "text",
    [
        "my password is hunter2",
        "Passwort: Sonne",
        "mi contraseña es luna",
        "пароль от почты: лето",
        "كلمة المرور هي قمر",
        "我的密码是春天",
        "パスワードはさくら",
        "my card is 4111 1111 1111 1111",
        "5500-0055-5555-5559 is the card",
        "account DE89 3704 0044 0532 0130 00 at my bank",
        "use sk-proj-abcdefghijklmnop1234",
        "github is ghp_abcdefghijklmnopqrstuvwxyz0123456789",
        "bot 123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw1",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc",
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        "it is Tr0ub4dor3xYzAbCdEfGh12",
        "the PIN is 1234",
    ],
)
def test_a_secret_is_seen(text):
    assert holds_secret(text)


@pytest.mark.parametrize(
    "text",
    [
        "I am a vegetarian",
        "I was born on 1984-02-29 in Ulm",
        "call me at +49 30 901820 or +1 (555) 010-0000",
        "my site is https://example.com/a/Very/Long/Path/With/Capitals/and/123",
        "write to ann.marie.longname2020@example.com",
        "order 4111 1111 1111 1112 came late",
        "我不吃肉，住在上海",
        "I like the book Anna Karenina, and to spin wool",
        "I work with Supercalifragilisticexpialidocious",
    ],
)
def test_an_ordinary_fact_is_no_secret(text):
    assert not holds_secret(text)


def test_a_secret_of_the_operators_is_never_kept():
    keep_secret("operators-own-thing")
    assert holds_secret("remember operators-own-thing")


def test_a_fact_is_one_line_that_can_be_shown():
    assert one_line(" a\n- b\u202e\tc\ud800 ") == "a - b c \ufffd".replace(" \ufffd", "\ufffd")
