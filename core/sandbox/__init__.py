"""Reads each file from outside in a process of its own. A hostile file can break only that process.

`run` starts the process. It has no environment, no open files and, if the kernel allows it, no
network. Its memory, time and output are limited. `child` is the program of that process. It runs
a *job*: a function that takes the file's bytes and yields what it found in them.
"""
