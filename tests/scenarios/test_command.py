"""The `palaver` command as its user runs it: a process of its own."""

import asyncio
import json
import os
import re
import signal
import socket
import sys
from contextlib import asynccontextmanager
from functools import partial

import aiohttp
import pytest

from tests.contracts.drivers import SlackDriver, TelegramDriver
from tests.harness import until
from tests.servers.model import status
from tests.warm import DEVNULL, PIPE, Program

COMMAND = (sys.executable, "-m", "bots")


def environment(tmp_path, **more):
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, "DATA_DIR": str(tmp_path / "data"), "HTTP_PORT": "0", **more}


async def run(tmp_path, *arguments, piped=None, **more):
    """(exit code, standard output, standard error) of one call, with *piped* bytes if any."""
    process = Program(
        arguments,
        cwd=tmp_path,
        env=environment(tmp_path, **more),
        stdin=DEVNULL if piped is None else PIPE,
        stdout=PIPE,
        stderr=PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(piped), 40)
    return process.returncode, out.decode(), err.decode()


@asynccontextmanager
async def serving(tmp_path, **more):
    """A running `palaver run`, killed hard at the end if it still lives."""
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        "run",
        cwd=tmp_path,
        env=environment(tmp_path, **more),
        stderr=asyncio.subprocess.PIPE,
    )
    lines = []
    try:
        while not any("store " in line for line in lines):
            line = await asyncio.wait_for(process.stderr.readline(), 30)
            assert line, lines
            lines.append(line.decode())
        process.banner = "".join(lines)
        reader = asyncio.create_task(drain(process, lines))
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await reader


async def drain(process, lines):
    while line := await process.stderr.readline():
        lines.append(line.decode())
        process.banner = "".join(lines)


async def test_ask_streams_an_answer_and_remembers_the_last_one(tmp_path):
    code, out, _ = await run(tmp_path, "ask", "My name is Ada")
    assert (code, "Ada" in out) == (0, True)
    _, out, _ = await run(tmp_path, "ask", "What is my name?")
    assert "Ada" in out
    _, out, _ = await run(tmp_path, "ask", "--new", "What is my name?")
    assert "not told me" in out
    # Only the answer is printed: it may go to a file.
    assert "forgotten" not in out


async def test_ask_paints_a_picture_into_a_file(tmp_path):
    code, out, _ = await run(tmp_path, "ask", "/image a red fox --size 1024x1024")
    assert code == 0
    assert out.strip() == "palaver-1.png"
    data = (tmp_path / "palaver-1.png").read_bytes()
    assert data.startswith(b"\x89PNG")
    assert data[16:24] == (1024).to_bytes(4) * 2


async def test_ask_uses_tools_and_changes_the_picture_of_an_earlier_question(tmp_path):
    _, out, _ = await run(tmp_path, "ask", "calculate 6*7")
    assert "42" in out
    code, out, _ = await run(tmp_path, "ask", "draw me a fox")
    assert code == 0
    # The text that follows the picture is printed too.
    assert out.startswith("palaver-1.png\n")
    assert "demo painter" in out
    await run(tmp_path, "ask", "make it warmer")
    assert (tmp_path / "palaver-2.png").read_bytes() != (tmp_path / "palaver-1.png").read_bytes()


async def test_ask_gives_a_long_answer_whole(tmp_path):
    _, out, _ = await run(tmp_path, "ask", "Write 2000 characters")
    assert out.startswith("# A long answer")
    assert out.rstrip().endswith("*The end.*")
    assert out.count("```") % 2 == 0


async def test_no_redis_at_the_start_is_one_sentence_and_exit_1(tmp_path):
    code, _, err = await run(tmp_path, "run", REDIS_URL="redis://:hidden-word@127.0.0.1:1")
    assert code == 1
    assert "REDIS_URL" in err
    assert "Traceback" not in err
    assert "hidden-word" not in err


async def test_a_wrong_setting_is_one_sentence_and_exit_1(tmp_path):
    code, _, err = await run(tmp_path, "run", HTTP_PORT="many")
    assert code == 1
    assert err.startswith("palaver: HTTP_PORT")
    assert err.count("\n") == 1


async def test_a_taken_port_is_a_clear_sentence(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        code, _, err = await run(tmp_path, "run", HTTP_PORT=port)
    assert code == 1
    assert "HTTP_PORT" in err


async def test_check_tries_every_credential_and_says_what_to_fix(tmp_path):
    code, out, _ = await run(tmp_path, "check")
    assert code == 0
    assert "ok   model" in out
    driver = TelegramDriver()
    async with driver.running():
        values = {"TELEGRAM_API_URL": driver.server.url}
        code, out, err = await run(
            tmp_path, "check", TELEGRAM_BOT_TOKEN="999:a-wrong-token", **values
        )
    assert code == 1
    assert "FAIL telegram" in out
    assert "TELEGRAM_BOT_TOKEN" in out
    assert "a-wrong-token" not in out + err


async def test_check_tells_the_two_slack_tokens_apart(tmp_path):
    driver = SlackDriver()
    async with driver.running():
        settings = {name.upper(): value for name, value in driver.settings().items()}
        code, out, _ = await run(tmp_path, "check", **settings)
        assert code == 0
        assert "Socket Mode" in out
        code, out, _ = await run(tmp_path, "check", **{**settings, "SLACK_APP_TOKEN": "xapp-wrong"})
        assert code == 1
        assert "SLACK_APP_TOKEN" in out.rpartition("FAIL slack")[2]


async def test_check_tries_the_small_model_too(tmp_path, model):
    async def only_the_large(request):
        if (await request.json())["model"] == "small":
            return await status(404)(request)
        return await model.stream(request, "hello")

    model.faults = [only_the_large] * 2
    values = {"LLM_BASE_URL": model.url, "LLM_MODEL": "large", "SMALL_MODEL": "small"}
    code, out, _ = await run(tmp_path, "check", **values)
    assert code == 1
    assert "ok   model" in out
    assert "FAIL small" in out


async def test_a_comparison_is_printed_one_answer_after_the_other(tmp_path, model):
    model.answers = {"alpha": "one word more " * 20, "beta": "another word " * 20}
    values = {"LLM_BASE_URL": model.url, "LLM_MODEL": "large"}
    code, out, _ = await run(tmp_path, "ask", "/compare --models=alpha,beta why?", **values)
    assert code == 0
    for answer in model.answers.values():
        assert answer.strip() in out


async def test_a_comparison_ends_whichever_answer_is_done_first(tmp_path, model):
    for slow in ("alpha", "beta"):
        model.answers = {"alpha": "one word", "beta": "another word"}
        model.answers[slow] = "many words " * 60
        model.piece_s = 0.01
        values = {"LLM_BASE_URL": model.url, "LLM_MODEL": "large"}
        code, out, _ = await run(tmp_path, "ask", "/compare --models=alpha,beta why?", **values)
        assert code == 0
        assert all(answer.strip() in out for answer in model.answers.values())


async def test_an_answer_that_breaks_off_is_begun_again_on_the_terminal(tmp_path, model):
    async def broken(request):
        return await model.stream(request, "half an answer", until=6)

    model.faults = [broken]
    values = {"LLM_BASE_URL": model.url, "LLM_MODEL": "large"}
    code, out, _ = await run(tmp_path, "ask", "hello", **values)
    assert code == 0
    assert "Echo of hello" in out


async def test_what_is_piped_in_goes_along_with_the_question(tmp_path, model):
    values = {"LLM_BASE_URL": model.url, "LLM_MODEL": "large"}
    await run(tmp_path, "ask", "why?", piped=b"a line of the log\n", **values)
    assert model.requests[-1]["messages"][-1]["content"] == "why?\n\na line of the log\n"
    await run(tmp_path, "ask", "-", piped=b"the whole question \xff", **values)
    assert model.requests[-1]["messages"][-1]["content"] == "the whole question \ufffd"
    await run(tmp_path, "ask", piped=b"no argument at all", **values)
    assert model.requests[-1]["messages"][-1]["content"] == "no argument at all"
    code, _, err = await run(tmp_path, "ask", "-", piped=b"", **values)
    assert (code, err) == (1, "palaver: QUESTION: there is nothing in it\n")


async def test_ask_takes_a_model_and_a_system_prompt_and_prints_json(tmp_path, model):
    values = {"LLM_BASE_URL": model.url, "LLM_MODEL": "large"}
    options = ("--model", "tiny", "--system", "You are a pirate.", "--json")
    code, out, _ = await run(tmp_path, "ask", "hello", *options, **values)
    asked = model.requests[-1]
    assert asked["model"] == "tiny"
    assert asked["messages"][0]["content"].startswith("You are a pirate.")
    told = json.loads(out)
    assert code == 0
    assert told["answer"].startswith("Echo of hello")
    assert (told["model"], told["prompt_tokens"], told["completion_tokens"]) == ("tiny", 11, 7)


async def test_what_failed_is_told_on_standard_error_with_exit_code_1(tmp_path, model):
    model.faults += [status(401)] * 3
    values = {"LLM_BASE_URL": model.url, "LLM_MODEL": "large"}
    code, out, err = await run(tmp_path, "ask", "hello", **values)
    assert (code, out.strip()) == (1, "")
    assert len(err.strip().splitlines()) == 1
    model.faults += [status(401)] * 3
    code, out, err = await run(tmp_path, "ask", "hello", "--json", **values)
    assert code == 1
    assert json.loads(out)["error"] in err or not err
    assert json.loads(out)["error"]


@pytest.mark.parametrize(
    ("number", "exit_code"),
    [(signal.SIGINT, 130), (signal.SIGHUP, 130), (signal.SIGKILL, -signal.SIGKILL)],
)
async def test_an_interrupted_question_is_taken_back(tmp_path, model, number, exit_code):
    """At the latest by the next one: its answer must not come among others."""
    model.answer = lambda messages: "word " * 2000
    model.piece_s = 0.05
    values = {"LLM_BASE_URL": model.url, "LLM_MODEL": "large"}
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        "ask",
        "a long one",
        cwd=tmp_path,
        env=environment(tmp_path, **values),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        # A test may itself be run in the background, where these are ignored.
        preexec_fn=partial(signal.signal, signal.SIGHUP, signal.SIG_DFL),
    )
    await asyncio.wait_for(process.stdout.read(20), 20)
    process.send_signal(number)
    _, err = await asyncio.wait_for(process.communicate(), 15)
    assert (process.returncode, err) == (exit_code, b"")
    model.answer = lambda messages: "short"
    asked = len(model.requests)
    code, out, _ = await run(tmp_path, "ask", "another", **values)
    assert (code, out.strip()) == (0, "short")
    assert len(model.requests) == asked + 1
    # Neither asked again, nor remembered.
    assert "a long one" not in str(model.requests[-1])


async def test_a_closed_pipe_ends_it_without_a_word(tmp_path, model):
    model.answer = lambda messages: "a line of many\n" * 3000
    values = {"LLM_BASE_URL": model.url, "LLM_MODEL": "large"}
    command = " ".join(COMMAND)
    process = await asyncio.create_subprocess_shell(
        f"{command} ask hello </dev/null | head -n 1; exit ${{PIPESTATUS[0]}}",
        executable="/bin/bash",
        cwd=tmp_path,
        env=environment(tmp_path, **values),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 30)
    assert (process.returncode, out, err) == (141, b"a line of many\n", b"")


async def test_a_batch_goes_through_pipes_and_asks_again_what_failed(tmp_path, model):
    values = {"LLM_BASE_URL": model.url, "LLM_MODEL": "large"}
    code, out, _ = await run(tmp_path, "batch", "-", "-o", "-", piped=b'"one"\n"two"\n', **values)
    assert code == 0
    assert [json.loads(line)["id"] for line in out.splitlines()] == [1, 2]
    model.faults += [status(401)]
    (tmp_path / "in").write_text('"one"\n"two"\n')
    options = ("batch", "in", "-o", "out", "--at-once", "1")
    code, _, err = await run(tmp_path, *options, **values)
    assert (code, "1 failed" in err) == (1, True)
    # Nothing is left to ask, but not all is well.
    code, _, err = await run(tmp_path, *options, **values)
    assert (code, "0 asked" in err, "1 answers in out are errors" in err) == (1, True, True)
    code, _, err = await run(tmp_path, *options, "--retry-failed", **values)
    assert (code, "1 asked" in err) == (0, True)
    answers = [json.loads(line) for line in (tmp_path / "out").read_text().splitlines()]
    assert [one["answer"][:11] for one in answers] == ["Echo of one", "Echo of two"]


@pytest.mark.parametrize(
    "before", [b"a diary\nwithout an end", b'"one"\n"two"', b'{"id":1,"prompt":"x"}\n{"prompt":"y"']
)
async def test_a_file_that_holds_no_answers_is_left_as_it_is(tmp_path, model, before):
    """The prompts themselves, by a slip: half a line at their end was cut off."""
    (tmp_path / "in").write_bytes(before)
    values = {"LLM_BASE_URL": model.url, "LLM_MODEL": "large"}
    code, _, err = await run(tmp_path, "batch", "in", "-o", "in", **values)
    assert (code, "something else than answers" in err) == (1, True)
    assert (tmp_path / "in").read_bytes() == before


@pytest.mark.parametrize("options", ["", "--json"])
async def test_a_full_disk_is_one_sentence(tmp_path, model, options):
    values = {"LLM_BASE_URL": model.url, "LLM_MODEL": "large"}
    code, err = await shell(tmp_path, f"ask hello {options} >/dev/full", **values)
    assert (code, err) == (1, "palaver: No space left on device\n")
    code, err = await shell(tmp_path, "batch - -o /dev/full <<< '\"one\"'", **values)
    assert code == 1
    assert "Traceback" not in err
    assert "No space left" in err


async def test_a_batch_into_a_closed_pipe_ends_as_ask_does(tmp_path, model):
    values = {"LLM_BASE_URL": model.url, "LLM_MODEL": "large"}
    (tmp_path / "in").write_text('"one"\n' * 3000)
    line = "batch in -o - --at-once 64 2>/dev/null | head -n 1 >/dev/null; exit ${PIPESTATUS[0]}"
    assert await shell(tmp_path, line, **values) == (141, "")


async def test_a_batch_goes_into_a_named_pipe(tmp_path, model):
    values = {"LLM_BASE_URL": model.url, "LLM_MODEL": "large"}
    line = "batch - -o pipe <<< '\"one\"' & cat pipe > out; wait $!"
    os.mkfifo(tmp_path / "pipe")
    assert (await shell(tmp_path, line, **values))[0] == 0
    assert "Echo of one" in (tmp_path / "out").read_text()


async def test_closed_standard_streams_lead_nowhere(tmp_path, model):
    values = {"LLM_BASE_URL": model.url, "LLM_MODEL": "large"}
    assert await shell(tmp_path, "ask hello >&- <&-", **values) == (0, "")
    code, err = await shell(tmp_path, "batch - -o out <&-", **values)
    assert (code, "0 asked" in err) == (0, True)


async def test_a_password_beside_a_key_is_told_and_the_other_probes_go_on(tmp_path, model):
    address = model.url.replace("http://", "http://user:hidden-word@")
    values = {"LLM_BASE_URL": address, "LLM_API_KEY": "sk-k", "LLM_MODEL": "x"}
    for command in ("check", "ask hello"):
        code, out, err = await run(tmp_path, *command.split(), **values)
        assert code == 1
        assert "LLM_BASE_URL" in out + err
        assert "hidden-word" not in out + err
        assert "ValueError" not in out + err


async def shell(tmp_path, line, **more):
    """(exit code, standard error) of a line of bash that begins with the command's arguments."""
    process = await asyncio.create_subprocess_shell(
        f"{' '.join(COMMAND)} {line}",
        executable="/bin/bash",
        cwd=tmp_path,
        env=environment(tmp_path, **more),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, err = await asyncio.wait_for(process.communicate(), 40)
    return process.returncode, err.decode()


async def test_the_link_lets_a_browser_in_until_another_is_made(tmp_path):
    values = {"HTTP_HOST": "0.0.0.0"}
    async with serving(tmp_path, **values) as process:
        url, key = re.search(r"(http://\S+)/#in=(\w+)", process.banner).groups()
        _, out, _ = await run(tmp_path, "link", **values)
        assert out.strip().endswith(f"/#in={key}")
        async with aiohttp.ClientSession() as session:
            for sent, right in (({}, 403), ({"key": "wrong"}, 403), ({"key": key}, 200)):
                async with session.post(f"{url}/api/session", json=sent) as response:
                    assert response.status == right


async def test_version_is_told(tmp_path):
    code, out, _ = await run(tmp_path, "--version")
    assert code == 0
    assert re.fullmatch(r"palaver \d+\.\d+\.\d+\n", out)


async def test_an_open_bot_is_announced_loudly_and_a_token_never(tmp_path):
    driver = TelegramDriver()
    async with driver.running():
        settings = {name.upper(): value for name, value in driver.settings().items()}
        async with serving(tmp_path, **settings, OPEN="true") as process:
            await until(lambda: "EVERYONE" in process.banner)
            assert settings["TELEGRAM_BOT_TOKEN"] not in process.banner
        async with serving(tmp_path, **settings, ALLOWED_USERS="telegram:1") as process:
            assert "EVERYONE" not in process.banner
            assert "CLOSED" not in process.banner
        async with serving(tmp_path, **settings) as process:
            await until(lambda: "CLOSED" in process.banner)
            assert "EVERYONE" not in process.banner


async def test_a_wrong_token_does_not_keep_the_page_down(tmp_path):
    driver = TelegramDriver()
    async with driver.running():
        values = {"TELEGRAM_BOT_TOKEN": "999:wrong", "TELEGRAM_API_URL": driver.server.url}
        async with serving(tmp_path, **values) as process:
            assert "web" in process.banner
            assert "TELEGRAM_BOT_TOKEN" in process.banner


async def test_sigterm_ends_it_well(tmp_path):
    async with serving(tmp_path) as process:
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 10) == 0


async def test_a_killed_answer_finishes_itself_on_the_same_post(tmp_path):
    """kill -9 in the middle of an answer; the next start completes it, and nobody asks again."""
    cookies = {"Cookie": f"palaver={'ab' * 16}"}
    async with aiohttp.ClientSession(headers=cookies) as session:
        async with serving(tmp_path) as process:
            url = re.search(r"http://\S+", process.banner).group()
            path = "/api/conversations/thread-12345"
            body = {"id": "abcdefgh", "text": "write 1500 characters"}
            async with session.post(url + path, json=body) as response:
                assert response.status == 202
            await until(lambda: growing(session, url + path))
            process.kill()
            await process.wait()
        async with serving(tmp_path) as process:
            url = re.search(r"http://\S+", process.banner).group()

            async def complete():
                posts = await read(session, url + path)
                return posts if posts and "The end." in posts[-1].get("text", "") else None

            posts = await until(complete, 40)
    answers = [post for post in posts if post["author"] == "bot"]
    assert len(answers) == 1
    assert answers[0]["text"].startswith("# A long answer")


async def growing(session, path):
    posts = await read(session, path)
    return any(post.get("growing") and len(post["text"]) > 200 for post in posts)


async def read(session, path):
    posts, kind = [], ""
    async with session.get(f"{path}/events") as response:
        async for line in response.content:
            line = line.decode().rstrip("\n")
            if line.startswith("event: "):
                kind = line[7:]
            if line.startswith("data: ") and kind == "post":
                post = json.loads(line[6:])["post"]
                if post["author"] != "status":
                    posts.append(post)
            if kind == "ready":
                break
        response.close()
    return posts


async def test_who_ends_the_command_while_its_parts_are_read_sees_no_traceback(tmp_path):
    slow = "import time\nprint('reading', flush=True)\ntime.sleep(60)\n"
    (tmp_path / "typer.py").write_text(slow)
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        "run",
        env=environment(tmp_path, PYTHONPATH=str(tmp_path)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        # Tests that run in the background of a shell hear no Ctrl-C, nor would their children.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    assert await asyncio.wait_for(process.stdout.readline(), 30) == b"reading\n"
    process.send_signal(signal.SIGINT)
    _, told = await asyncio.wait_for(process.communicate(), 30)
    assert (process.returncode, told) == (-signal.SIGINT, b"")
