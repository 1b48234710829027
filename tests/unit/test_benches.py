"""Benches change numbers of the program by their names. Whoever moves one shall hear of it."""

import subprocess
import sys


def test_the_crowd_finds_all_that_it_speeds_up():
    done = subprocess.run(
        [sys.executable, "-c", "from bench.crowd import speed_up; speed_up(2.0)"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.returncode, done.stderr
