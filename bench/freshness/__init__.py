"""How fresh the screen is: our schedule, the offline optimum, and the schedules others use.

    python -m bench.freshness            the table, and docs/freshness.svg
    python -m bench.freshness --floods   10,000 answers: is any call refused?

Everything runs in virtual time. Ours is the real `core.live` code.
"""
