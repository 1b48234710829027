"""The house speaks the trade's language: names that were retired do not come back."""

import io
import re
import tokenize
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = sorted(
    path
    for folder in ("bots", "core", "tests", "bench", "examples")
    for path in (ROOT / folder).rglob("*.py")
    if path != Path(__file__)
)
PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]

NAMES = {
    "Door": "Ingress",
    "door": "ingress",
    "Stage": "TurnContext",
    "stage": "context",
    "Keeper": "LeaseRenewer, Checkpointer, StopSignal",
    "Growth": "Progress",
    "growth": "progress",
    "Lengths": "LengthModel",
    "ScreenedModel": "GuardedModel",
    "until_answered": "retry_until_available",
    "patiently": "retry_while_away",
    "Board": "PostLog",
    "RedisBoard": "RedisPostLog",
    "Feed": "PubSub",
    "RedisAnswers": "RedisResponseCache",
    "Material": "ReadAttachments",
    "Later": "Callbacks",
    "Arrivals": "PushQueue",
    "VoiceClient": "TranscriptionClient",
    "Gone": "ChatLost, PostLost, AttachmentLost",
    "Rejected": "ContentRefused",
}
"""Each retired name of the code, and what is said today."""

FILES = {
    "core/door.py": "core/ingress.py",
    "core/line.py": "core/queue_notices.py",
    "core/turn/stage.py": "core/turn/context.py",
    "core/turn/keeper.py": "core/turn/lease_renewer.py",
    "core/turn/lease.py": "core/turn/lease_renewer.py",
    "core/turn/draft.py": "core/turn/generation.py",
    "core/turn/material.py": "core/turn/attachments.py",
    "core/turn/digest.py": "core/turn/summaries.py",
    "core/live/growth.py": "core/live/progress.py",
    "core/live/lengths.py": "core/live/length_model.py",
    "core/models/screen.py": "core/models/guard.py",
    "core/models/listed.py": "core/models/model_list.py",
    "core/models/file.py": "core/models/palaver_file.py",
    "core/models/voice.py": "core/models/transcription.py",
    "core/net/body.py": "core/net/bounded_body.py",
    "core/store/patience.py": "core/retry.py",
    "bots/patience.py": "core/retry.py",
    "core/store/board.py": "core/store/post_log.py",
    "core/store/feed.py": "core/store/pubsub.py",
    "core/store/answers.py": "core/store/response_cache.py",
    "core/people/calling.py": "core/people/wake_words.py",
    "core/images/later.py": "core/images/callbacks.py",
    "bots/arrivals.py": "bots/push_queue.py",
}
"""Each retired file, and where its content is today."""


WORDS = re.compile(
    r"""\bkeeper\b|\bthe\ door\b
    |(?<![.:"])\bboards?\b(?!")      # but for a Redis key, a label: data keeps its name
    |`(?:stage|growth|lengths|feed|until_answered)`""",
    re.IGNORECASE | re.VERBOSE,
)
"""Retired words where people read them: in docstrings, comments, log lines and pages."""


def words_in(path):
    """What people read in the code of *path*: its comments, docstrings and other texts."""
    with tokenize.open(path) as file:
        tokens = tokenize.generate_tokens(io.StringIO(file.read()).readline)
        kinds = (tokenize.COMMENT, tokenize.STRING)
        return "\n".join(token.string for token in tokens if token.type in kinds)


def names_in(path):
    with tokenize.open(path) as file:
        tokens = tokenize.generate_tokens(io.StringIO(file.read()).readline)
        return {token.string for token in tokens if token.type == tokenize.NAME}


def test_no_retired_name_is_left_in_the_code():
    found = {str(path.relative_to(ROOT)): names_in(path) & set(NAMES) for path in CODE}
    assert not {path: names for path, names in found.items() if names}


def test_no_page_names_a_file_that_was_retired():
    named = {(page.name, old) for page in PAGES for old in FILES if old in page.read_text()}
    assert not named


def test_what_a_retired_file_held_is_where_the_glossary_says():
    for old, new in FILES.items():
        assert not (ROOT / old).exists(), old
        assert (ROOT / new).exists(), new


def test_no_retired_word_is_left_where_people_read():
    texts = {path: words_in(path) for path in CODE} | {path: path.read_text() for path in PAGES}
    found = {str(path.relative_to(ROOT)): set(WORDS.findall(text)) for path, text in texts.items()}
    assert not {path: words for path, words in found.items() if words}
