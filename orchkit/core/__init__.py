"""DECIDES. Standard library only: no clock, no randomness, no files, no network.

Everything here gives the same result tomorrow and on another machine, so it can be replayed
against a recording and tested by hand.
"""
