"""Runs one border's fuzzing; see `bench.fuzz`."""

import argparse
import gc
import logging
import time
from importlib import import_module

from hypothesis import HealthCheck, Phase, given, seed, settings

from bench.fuzz.border import Border

STALL_S = 0.5


def run(border: Border, inputs: int, start: int) -> float:
    """How much time of the processor the slowest input took. Raises what an input raised."""
    slowest_s, read = 0.0, 0
    gc.disable()

    @seed(start)
    @settings(
        max_examples=inputs,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(border.inputs)
    def one(value: object) -> None:
        nonlocal slowest_s, read
        # The collector's time is Hypothesis's: it keeps all that it has made.
        if (read := read + 1) % 1_000 == 0:
            gc.collect()
        began = time.process_time()
        border.read(value)
        took_s = time.process_time() - began
        slowest_s = max(slowest_s, took_s)
        assert took_s < STALL_S, f"took {took_s:.2f} s"

    one()
    return slowest_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("border", help="a module of bench/fuzz with a BORDER")
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    logging.disable(logging.CRITICAL)
    border: Border = import_module(f"bench.fuzz.{asked.border}").BORDER
    began = time.monotonic()
    slowest_s = run(border, asked.inputs, asked.seed)
    print(
        f"{asked.border}: {asked.inputs} inputs, seed {asked.seed}, slowest {slowest_s * 1000:.1f} "
        f"ms, {time.monotonic() - began:.0f} s in all"
    )


if __name__ == "__main__":
    main()
