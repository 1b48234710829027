"""An export is whole, however many files it takes."""

import datetime
import json

from core.messages import Exchange, conversation_id
from core.turn import export
from core.turn.export import Told, files

NOW = datetime.datetime(2026, 11, 26, 12, 0, tzinfo=datetime.UTC)


def test_a_large_export_comes_in_parts_that_hold_each_exchange_once(monkeypatch):
    monkeypatch.setattr(export, "PART_BYTES", 1_000)
    told = [
        Told(
            conversation_id("test", str(chat)),
            [Exchange(f"{chat}-{n}", "Ann", "why?\nso", "because", float(n)) for n in range(10)],
        )
        for chat in range(3)
    ]
    made = files(told, {"person": "test:1", "memory": {"facts": [{"text": "likes jazz"}]}}, NOW)
    assert len(made) > 4
    assert made[0].name == "palaver-2026-11-26-1.md"
    read = [json.loads(one.data) for one in made if one.name.endswith(".json")]
    ids = [e["event_id"] for one in read for c in one["conversations"] for e in c["exchanges"]]
    assert ids == [f"{chat}-{n}" for chat in range(3) for n in range(10)]
    assert [one.get("person") for one in read] == ["test:1"] + [None] * (len(read) - 1)
    assert sum(one.data.count(b"> why?\n> so") for one in made) == 30


def test_a_small_export_is_one_file_of_each_kind():
    told = [Told(conversation_id("test", "1"), [Exchange("e", "Ann", "q", "a", 1.0)])]
    assert [one.name for one in files(told, {}, NOW)] == [
        "palaver-2026-11-26.md",
        "palaver-2026-11-26.json",
    ]
