"""Odd input in great numbers, over both protocols, against the real program with the sandbox behind it.

What is asked of the program: no failure of its own (5xx, INTERNAL, UNKNOWN), nothing its documents do not name, no
growth of memory, and that it still serves afterwards.
"""
