"""The language server: what an editor asks about a program, answered as it is typed.

`server` speaks the protocol; everything else is pure functions from a `Page` and an offset to plain answers.
"""
