"""The same bounds on every law as in tests/core, for a run of this room alone."""

from hypothesis import settings

settings.register_profile("orchkit", deadline=None, max_examples=50)
settings.load_profile("orchkit")
