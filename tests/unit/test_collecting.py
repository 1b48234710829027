"""The garbage collector runs seldom, and often enough for turns that end as cycles."""

import subprocess
import sys

TURNS = """
import gc
from collections import deque
from core.watchdog import collect_seldom

class Part:
    def __init__(self, before):
        self.before = before

def turn():
    first = last = Part(None)
    for _ in range(100):
        last = Part(last)
    first.before = last
    return last

collect_seldom()
under_way, most = deque(maxlen=300), 0
for number in range(12_000):
    under_way.append(turn())
    if number % 100 == 0:
        most = max(most, len(gc.get_objects()))
print(most)
"""


def test_what_ended_turns_leave_is_collected_while_others_are_under_way():
    """300 turns of 101 objects are under way. 1,200,000 objects are made, and most have ended."""
    told = subprocess.run(
        [sys.executable, "-c", TURNS], capture_output=True, text=True, check=True, timeout=120
    )
    assert int(told.stdout) < 450_000
