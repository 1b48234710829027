"""`palaver …` in a process of its own, forked from one that has already read the program.

A start of Python that imports everything takes a second of CPU, and the tests start the program
some hundred times. What is forked runs `python -m bots` (or another *module*) and
ends as any process does.
Tests that measure memory, or that send signals to a group of processes, start the program anew.
"""

import asyncio
import atexit
import gc
import importlib
import json
import os
import pkgutil
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from functools import cache
from pathlib import Path

import bots
import core
from bots.registry import found, settings_of

DEVNULL = subprocess.DEVNULL
PIPE = subprocess.PIPE


class Program:
    """Like `subprocess.Popen`: *pid*, *returncode*, `poll`, `wait`, `send_signal`, `kill`."""

    def __init__(
        self,
        arguments,
        *,
        env,
        module="bots",
        cwd=".",
        stdin=DEVNULL,
        stdout=DEVNULL,
        stderr=DEVNULL,
    ):
        self.returncode = None
        self._ended = threading.Event()
        news, theirs = socket.socketpair()
        ends, handed, opened = [], [theirs.fileno()], [theirs]
        for way, given in ((0, stdin), (1, stdout), (1, stderr)):
            if given == PIPE:
                pair = os.pipe()
                ends.append(pair[1 - way] if way == 0 else pair[0])
                handed.append(pair[way])
                opened.append(pair[way])
            elif given == DEVNULL:
                ends.append(None)
                handed.append(os.open(os.devnull, os.O_RDWR))
                opened.append(handed[-1])
            else:
                ends.append(None)
                handed.append(given.fileno())
        self.stdin, self.stdout, self.stderr = (
            end if end is None else os.fdopen(end, "wb" if number == 0 else "rb", buffering=0)
            for number, end in enumerate(ends)
        )
        asked = {"module": module, "argv": list(arguments), "cwd": str(cwd), "env": env}
        socket.send_fds(_parent(), [json.dumps(asked).encode()], handed)
        for one in opened:
            one.close() if one is theirs else os.close(one)
        self._news = news.makefile("r")
        news.close()
        self.pid = int(self._news.readline())
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self):
        told = self._news.readline()
        self._news.close()
        # Without a word the parent of all has ended.
        self.returncode = int(told) if told else -signal.SIGKILL
        self._ended.set()

    def poll(self):
        return self.returncode

    def wait(self, timeout=40):
        if not self._ended.wait(timeout):
            raise TimeoutError(f"process {self.pid} runs after {timeout} s")
        return self.returncode

    def send_signal(self, number):
        if self.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self):
        self.send_signal(signal.SIGKILL)

    def _communicate(self, piped):
        errors = []
        reading = threading.Thread(target=lambda: errors.append(self.stderr.read()), daemon=True)
        reading.start()
        if self.stdin is not None:
            with self.stdin, suppress(BrokenPipeError):
                self.stdin.write(piped)
        with self.stdout:
            out = self.stdout.read()
        reading.join()
        self.stderr.close()
        self.wait()
        return out, errors[0]

    async def communicate(self, piped=None):
        """(standard output, standard error) until its end."""
        try:
            return await asyncio.to_thread(self._communicate, piped)
        except asyncio.CancelledError:
            self.kill()
            raise


@cache
def _parent():
    """The socket of this process's own parent of programs."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        parent = subprocess.Popen(
            [sys.executable, "-m", "tests.warm", str(theirs.fileno())],
            cwd=Path(__file__).parents[1],
            pass_fds=[theirs.fileno()],
            stdin=DEVNULL,
            stdout=DEVNULL,
            # Ctrl-C of the tests is not for it: it ends when this process does.
            start_new_session=True,
        )
    atexit.register(parent.wait)
    atexit.register(ours.close)
    return ours


def _serve(asked):
    """Fork a child for every request. Returns in the child alone: what it is to be."""
    children = {}
    waking, wake = socket.socketpair()
    waking.setblocking(False)
    wake.setblocking(False)
    signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    with selectors.DefaultSelector() as selector:
        selector.register(asked, selectors.EVENT_READ)
        selector.register(waking, selectors.EVENT_READ)
        while True:
            ready = {key.fileobj for key, _ in selector.select()}
            if waking in ready:
                waking.recv(4096)
                _tell_the_ended(children)
            if asked not in ready:
                continue
            text, handed, _, _ = socket.recv_fds(asked, 1 << 20, 4)
            if not text:
                for pid in children:
                    os.kill(pid, signal.SIGKILL)
                os._exit(0)
            pid = os.fork()
            news = socket.socket(fileno=handed[0])
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for one in (asked, waking, wake, news, *children.values()):
                    one.close()
                break
            children[pid] = news
            for one in handed[1:]:
                os.close(one)
            with suppress(OSError):
                news.send(b"%d\n" % pid)
    for number, one in enumerate(handed[1:]):
        os.dup2(one, number)
        os.close(one)
    return json.loads(text)


def _tell_the_ended(children):
    for pid, news in list(children.items()):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            del children[pid]
            with news, suppress(OSError):
                news.send(b"%d\n" % os.waitstatus_to_exitcode(status))


def _main():
    for package in (core, bots):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    settings_of(found())
    gc.collect()
    gc.freeze()
    one = _serve(socket.socket(fileno=int(sys.argv[1])))
    os.environ.clear()
    os.environ.update(one["env"])
    os.chdir(one["cwd"])
    sys.argv[:] = ["palaver", *one["argv"]]
    runpy.run_module(one["module"], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _main()
