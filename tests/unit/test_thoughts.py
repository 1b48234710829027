"""Which messages are one thought, in every language, and what is waited for."""

import time

import pytest

from core.languages import cues
from core.languages.catalogue import LANGUAGES
from core.messages import FORWARD, Attachment, Incoming, Quote, Sender, conversation_id
from core.turn import bursts

ANN = Sender("telegram:1", "Ann")
PICTURE = (Attachment("image", "p"),)
OPENINGS = {
    "ar": ("مرحبا", "عندي سؤال سريع", "لا، أقصد إسبانيا"),
    "de": ("Moin zusammen!", "ich hätte da mal eine Frage", "nein, ich meinte Spanien"),
    "en": ("hey there", "Hi! Can you help me?", "no, I meant Spain"),
    "es": ("Buenos días", "tengo una pregunta rápida", "perdón, quise decir España"),
    "fa": ("سلام", "یه سوال داشتم", "نه، منظورم اسپانیاست"),
    "fr": ("Bonjour à tous", "j'ai une petite question :", "non, je voulais dire l'Espagne"),
    "id": ("Selamat pagi", "boleh tanya sesuatu?", "maaf, maksud saya Spanyol"),
    "ja": ("こんにちは！", "ちょっと質問があります", "いや、スペインのことです"),
    "pt-BR": ("Oi, tudo bem?", "posso fazer uma pergunta", "não, quis dizer Espanha"),
    "ru": ("Привет!", "можно вопрос?", "нет, я имел в виду Испанию"),
    "zh-Hans": ("你好，在吗？", "我想问一下", "不对，我是说西班牙"),
    "zh-Hant": ("你好，在嗎？", "我有個問題", "不是，我是說西班牙"),
}
GLAD = {
    "ar": ("شكرا جزيلا لكم", "هل تم إصلاح الطابعة؟"),
    "de": ("Danke, ihr Lieben!", "Ist der Drucker behoben?"),
    "en": ("ok, it works now, thx", "is the printer fixed?"),
    "es": ("¡Muchas gracias!", "¿ya funciona la impresora?"),
    "fa": ("خیلی ممنون بچه‌ها", "چاپگر درست شد؟"),
    "fr": ("Félicitations à toutes", "est-ce que ça marche ?"),
    "id": ("makasih ya", "apakah sudah selesai?"),
    "ja": ("本当にありがとうございました", "もう直りましたか"),
    "pt-BR": ("valeu, deu certo", "já foi resolvido?"),
    "ru": ("Ура, заработало", "уже исправлено?"),
    "zh-Hans": ("问题解决了，谢谢大家", "修好了吗"),
    "zh-Hant": ("問題解決了，謝謝大家", "修好了嗎"),
}
RECAPS = {
    "ar": "لخص هذه القناة",
    "de": "fasse diesen Kanal zusammen",
    "en": "please summarize the channel",
    "es": "haz un resumen de este grupo",
    "fa": "این گفتگو را خلاصه کن",
    "fr": "résume cette discussion",
    "id": "rangkum obrolan ini",
    "ja": "このチャンネルを要約して",
    "pt-BR": "faça um resumo deste canal",
    "ru": "подведи итоги этого чата",
    "zh-Hans": "总结一下这个频道",
    "zh-Hant": "總結一下這個頻道",
}
QUESTIONS = (
    "What is the capital of France?",
    "weather Berlin",
    "Explain how tea is made",
    "hi, what is tea?",
    "Guten Tag, wie spät ist es in Rom",
    "请问什么是茶",
    "日本の首都はどこですか",
    "ما هي عاصمة فرنسا؟",
    "Help me write a letter to my landlord",
    "2+2",
    "No one knows why. Do you?",
)


def said(text, at=0.0, **more):
    more = {"message": f"{at}:{text[:9]}", "sender": ANN, "sent_at": 1_000_000.0 + at, **more}
    conversation = conversation_id("telegram", "1")
    return Incoming(event_id=more["message"], conversation=conversation, text=text, **more)


def together(*mail, thoughts=True):
    """How many of *mail* one turn serves."""
    return len(bursts.first_burst(mail, thoughts=thoughts))


@pytest.mark.parametrize("tag", LANGUAGES)
def test_each_language_has_its_cues(tag):
    assert set(LANGUAGES[tag].cues) == set(cues.Cue.__args__)
    greeting, opener, correction = OPENINGS[tag]
    assert cues.asks_nothing(greeting)
    assert cues.asks_nothing(opener)
    assert cues.corrects(correction)
    assert together(said(greeting), said(opener, 3), said("Why is the sky blue?", 9)) == 3
    assert together(said("What is the capital of France?"), said(correction, 20)) == 2
    thanks, question = GLAD[tag]
    assert cues.glad(thanks)
    assert not cues.glad(question)
    assert not cues.glad(greeting)
    assert cues.wants_recap(RECAPS[tag])
    assert not cues.wants_recap(thanks)


def test_what_was_said_to_nobody_and_a_question_to_us_are_two():
    cheer = said("the printer works, hooray", address="overheard")
    assert together(cheer, said("and how is tea made?", 2)) == 1
    assert together(said("How is tea made?"), said("thanks all", 2, address="overheard")) == 1
    assert together(cheer, said("and the scanner", 2, address="overheard")) == 2


@pytest.mark.parametrize(
    "text",
    ["Quatsch, ich meinte Rom", "non pardon, je voulais dire Rome", "ой, я имел в виду Рим"],
)
def test_a_correction_may_begin_with_any_cry_and_with_several_refusals(text):
    assert cues.corrects(text)
    assert not cues.corrects("sorry to bother you, what is Rome?")


def test_emoji_cheer_and_long_texts_say_more_than_thanks():
    assert all(map(cues.glad, ("🎉🎉", "❤️", "v2 is out :tada:", "THANKS!!!")))
    assert not cues.glad("thanks, " + "and then I went to the shop and bought more tea " * 5)


@pytest.mark.parametrize("question", QUESTIONS)
def test_an_ordinary_question_waits_for_nothing(question):
    assert bursts.quiet_s([said(question, time.time() - 1e6)], thoughts=True) == 0
    assert not cues.corrects(question)


@pytest.mark.parametrize("text", ["hey", "I need the following:", "so, as I said...", "你好"])
def test_who_has_asked_nothing_yet_is_waited_for_unless_the_place_does_not_want_that(text):
    now = time.time() - 1e6
    assert bursts.quiet_s([said(text, now)], thoughts=True) == bursts.THINKS_S
    assert not bursts.quiet_s([said(text, now)], thoughts=False)
    assert not bursts.quiet_s([said(text, now - 60)], thoughts=True), "it came long ago"
    assert bursts.quiet_s([said(text, -1e6)], thoughts=True), "by a clock that is not ours"


def test_what_only_shows_something_waits_for_its_question():
    forward = {"burst": FORWARD, "quote": Quote("Ben", "You won!", forwarded=True)}
    for shown in ({"attachments": PICTURE}, {"described": "a place on the map"}, forward):
        first = said("", time.time() - 1e6, **shown)
        assert bursts.quiet_s([first], thoughts=True) == bursts.THINKS_S
        assert together(said("", **shown), said("What is this?", 8)) == 2
    many = [said("", at, attachments=PICTURE) for at in range(3)]
    assert together(*many, said("Which is the best?", 9)) == 4
    voice = said("", time.time() - 1e6, attachments=(Attachment("audio", "a"),))
    assert not bursts.quiet_s([voice], thoughts=True), "it is spoken"


@pytest.mark.parametrize(
    ("first", "then", "apart_s", "one"),
    [
        ("How do I sort a list?", "in Python", 3, True),
        ("How do I sort a list?", "and in reverse?", 3, True),
        ("How do I sort a list?", "in Python", 30, False),
        ("sup buddy", "How do I sort a list in Python?", 3, True),
        ("How do I sort a list?", "How do I sort a table?", 1, False),
        ("weather Berlin", "weather Paris", 1, False),
        ("How do I sort a list?", "hello", 1, False),
        ("What is the capital of Fance?", "*France", 10, True),
        ("What is the capital of Spain?", "sorry, I meant Italy", 60, True),
        ("What is the capital of Spain?", "sorry, I meant Italy", 600, False),
        ("hey", "What is the capital of Spain?", 10, True),
        ("hey", "What is the capital of Spain?", 90, False),
    ],
)
def test_what_is_added_or_corrected_is_one_thought_and_another_question_is_not(
    first, then, apart_s, one
):
    assert together(said(first), said(then, apart_s)) == 1 + one
    assert together(said(first), said(then, apart_s), thoughts=False) == 1


def test_another_person_a_command_and_an_answer_to_something_else_are_apart():
    first, then = said("hey"), "What is tea?"
    assert together(first, said(then, 1, sender=Sender("telegram:2", "Bob"))) == 1
    assert together(first, said("", 1, command="new")) == 1
    assert together(said("", command="image"), said("a fox, please", 1)) == 1
    question = said("What is tea?")
    assert together(question, said("in short", 1, quote=Quote("you", "An old answer."))) == 1
    assert together(said("", deleted=True), said(then, 1)) == 1


def test_a_thought_is_bounded():
    many = [said("hey", at) for at in range(40)]
    assert together(*many) == bursts.MOST_MESSAGES
    long = "word " * 1_500 + ":"
    assert together(said(long), said(long, 1), said("What is this?", 2)) == 1


def test_hostile_texts_cost_little():
    for text in ("hey " * 50_000, "嗨" * 100_000, "," * 100_000, "no " * 50_000, "*" * 100_000):
        began = time.process_time()
        for look in (cues.asks_nothing, cues.corrects, cues.asks, cues.is_fragment, cues.ends_open):
            look(text)
        assert time.process_time() - began < 0.5
