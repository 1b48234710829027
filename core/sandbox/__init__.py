"""Strangers' files are read in processes of their own: what a hostile one breaks is only that.

`run` starts one with nothing of ours: no environment, no open file, no network where the kernel
lets it go without, so much memory, so much time, so much output. `child` is that process; what
it runs is a *job*: a function that takes the bytes and gives pieces of what it found in them.
"""
