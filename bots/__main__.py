"""`python -m bots` is the `palaver` command."""

from bots.cli import main

main()
