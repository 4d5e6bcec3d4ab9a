"""Other people's recordings -> long frames of a matrix. One file a format; nothing is unpickled."""

from orchkit.lab.readers.routellm import routellm
from orchkit.lab.readers.routerbench import routerbench
from orchkit.lab.readers.zeroeval import zeroeval

__all__ = ["routellm", "routerbench", "zeroeval"]
