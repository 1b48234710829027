"""Fuzzing of borders, outside CI: `python -m bench.fuzz BORDER --inputs 100000 --seed 1`.

To add a border, write a module here with a `BORDER` (see `bench.fuzz.border`). The run ends at the
first input that raises, or that takes longer than `STALL_S`, and prints it.
"""
