"""`palaver run` in which calls in a Telegram chat may follow each other at once.

python -m bench.lifted run      (as `bench.many` does)
"""

from bots.__main__ import main
from bots.telegram import limits

limits.BURST = (10_000, 1.0)
"""What is left is how many calls a chat takes in a minute, of which a new chat has all."""

if __name__ == "__main__":
    main()
