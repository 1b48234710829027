"""Many prompts: in order, bounded, gone on with after a kill."""

import aiohttp
import msgspec
import pytest

from core.models.answers_file import answered, failed, put_in_place
from core.models.batch import Answer, read_prompts, run_batch
from core.models.client import ChatClient
from core.models.providers import Endpoint
from tests.servers.model import status


def lines(path):
    return [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]


@pytest.fixture
async def client(model):
    async with aiohttp.ClientSession() as session:
        yield ChatClient(session, Endpoint(model.url, "", "scripted"))


async def run(client, prompts, out, at_once=4, **more):
    told = []

    def write(answer):
        told.append(answer)
        with out.open("ab") as file:
            file.write(msgspec.json.encode(answer) + b"\n")

    await run_batch(client, prompts, at_once=at_once, write=write, **more)
    return told


async def test_each_answer_says_what_it_cost(client, tmp_path):
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text('"one"')
    (told,) = await run(
        client, read_prompts(source.read_bytes()), out, price=(1000.0, 100.0, 10_000.0)
    )
    # The scripted model says 11 tokens read and 7 written.
    assert lines(out)[0]["cost_usd"] == told.cost_usd == 0.081


async def test_answers_stand_in_the_order_of_their_prompts(client, model, tmp_path):
    model.answer = lambda messages: messages[-1]["content"] * (9 if "slow" in str(messages) else 1)
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text(
        '"slow one"\n\n{"prompt": "two", "id": "b"}\n'
        '{"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "three"}]}\n'
    )
    told = await run(client, read_prompts(source.read_bytes()), out)
    assert [(line["id"], line["answer"][:8]) for line in lines(out)] == [
        (1, "slow one"),
        ("b", "two"),
        (4, "three"),
    ]
    assert lines(out)[0]["usage"]["completion_tokens"] == 7
    assert len(told) == 3


async def test_no_more_than_allowed_are_asked_at_once(client, model, tmp_path):
    model.piece_s = 0.02
    prompts = tmp_path / "in.jsonl"
    prompts.write_text('"hello there"\n' * 12)
    await run(client, read_prompts(prompts.read_bytes()), tmp_path / "out", at_once=3)
    assert model.most_streams == 3


async def test_an_interrupted_batch_goes_on_behind_its_last_whole_line(client, model, tmp_path):
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text("\n".join(f'"q{number}"' for number in range(5)))
    out.write_text('{"id":1,"answer":"before"}\n{"id":2,"ans')
    prompts = read_prompts(source.read_bytes())
    await run(client, prompts[answered(out) :], out)
    assert [line["id"] for line in lines(out)] == [1, 2, 3, 4, 5]
    assert lines(out)[0]["answer"] == "before"
    assert len(model.requests) == 4


def test_half_a_line_is_cut_without_writing_the_whole_ones_anew(tmp_path, monkeypatch):
    """A full disk keeps what stands: nothing is written."""
    out = tmp_path / "out.jsonl"
    out.write_text('{"id":1,"answer":"before"}\n{"id":2,"ans')
    inode = out.stat().st_ino

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    assert answered(out) == 1
    assert out.read_text() == '{"id":1,"answer":"before"}\n'
    assert out.stat().st_ino == inode


async def test_a_prompt_that_fails_says_why_and_stops_no_other(client, model, tmp_path):
    async def cut(request):
        return await model.stream(request, "some words of it", until=8)

    model.faults += [status(401), cut]
    prompts = tmp_path / "in.jsonl"
    prompts.write_text('"one"\n"two"\n')
    await run(client, read_prompts(prompts.read_bytes()), tmp_path / "out", at_once=1)
    one, two = lines(tmp_path / "out")
    assert "401" in one["error"]
    assert two["answer"].startswith("Echo of two")


@pytest.mark.parametrize("line", ["{", '{"prompt": 3}', "{}", "\udcff", '"\\ud800"'])
async def test_a_line_that_is_no_prompt_is_answered_with_what_is_wrong(client, tmp_path, line):
    data = b'"one"\n' + line.encode("utf-8", "surrogateescape") + b'\n"three"'
    one, two, three = await run(client, read_prompts(data), tmp_path / "out")
    assert two.id == 2
    assert "line 2" in two.error
    assert (one.answer[:11], three.answer[:13]) == ("Echo of one", "Echo of three")


async def test_what_failed_can_be_put_in_its_place_later(client, tmp_path):
    out = tmp_path / "out"
    out.write_bytes(b'{"id":1,"answer":"a"}\n{"id":2,"error":"busy"}\nrubbish\n')
    assert failed(out) == [1, 2]
    put_in_place(out, {1: Answer(2, "b")})
    assert failed(out) == [2]
    assert out.read_bytes() == b'{"id":1,"answer":"a"}\n{"id":2,"answer":"b"}\nrubbish\n'


def test_what_is_put_in_its_place_stays_a_link_and_as_secret_as_it_was(tmp_path):
    real = tmp_path / "elsewhere"
    real.write_bytes(b'{"id":1,"error":"busy"}\n')
    real.chmod(0o600)
    out = tmp_path / "out"
    out.symlink_to(real)
    put_in_place(out, {0: Answer(1, "b")})
    assert out.is_symlink()
    assert lines(real) == [{"id": 1, "answer": "b"}]
    assert real.stat().st_mode & 0o777 == 0o600


def test_the_mark_of_a_text_from_windows_is_no_part_of_its_first_prompt():
    (first, second) = read_prompts(b'\xef\xbb\xbf{"prompt":"one"}\r\n"two"\r\n')
    assert (first.prompt, second.prompt) == ("one", "two")
