"""The promises of reliability, each as one command that measures it.

``python -m benchmarks.reliability NAME [--short]``, or ``all`` for every one and a table. The judge
is the book of a loopback server in a process of its own; our ledger is only compared with it.
"""
