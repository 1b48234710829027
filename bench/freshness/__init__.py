"""How fresh the screen is: our schedule, the offline optimum, and the schedules others use.

    python -m bench.freshness            all figures of docs/live-text.md, and docs/freshness.svg
    python -m bench.freshness --floods   10,000 answers: is any call refused?

Everything but the crowds runs in virtual time, in both worlds of `tests.servers.limits`. Ours is
the real `core.live` and `core.buckets` code; it is not told which world it is in.
"""
