"""Starts the server below an empty ``orchkit``.

The judge runs none of the code that it judges, and does not wait for it to be imported either.
"""

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

if __name__ == "__main__":
    bare = ModuleType("orchkit")
    bare.__path__ = [str(Path(__file__).resolve().parents[1])]
    sys.modules["orchkit"] = bare
    import_module("orchkit.testing.server").main()
