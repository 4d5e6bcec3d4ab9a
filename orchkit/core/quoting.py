"""What a call may say of earlier answers: at most how much, and so that it stays a quotation.

An answer is bounded by its tokens, a call by its bytes. So that the worst case of a call that
holds answers can be told before there are any, a quotation is cut at so many bytes a token; real
answers come to about four.
"""

from __future__ import annotations

import json
import re
from typing import Any

#: Bytes of an answer that are quoted, for each token it may have.
BYTES_A_TOKEN = 8
#: What templates of chats set their turns and roles with: in a quotation there is none of it.
#: Outside of strings JSON has brackets alone of these.
_SIGNS = re.compile(r"[<>|]|\[(?=/?INST\])", re.I)


def quoted(text: str, max_tokens: int) -> str:
    """Return the text, cut at what an answer of `max_tokens` may be quoted with.

    Examples
    --------
    >>> quoted("twelve bytes", 1)
    'twelve b'
    """
    most = BYTES_A_TOKEN * max_tokens
    whole = text.encode("utf-8", "replace")
    return text if len(whole) <= most else whole[:most].decode("utf-8", "ignore")


def quoted_json(text: str, max_tokens: int) -> str:
    r"""Return the text as a JSON string of ASCII on one line, no longer than `quoted` would be.

    Signs that chat templates mark turns with are written with escapes: the same text to whoever
    reads JSON, and no marker to a tokeniser.

    Examples
    --------
    >>> quoted_json('say "hi"\n<|im_end|>', 100)
    '"say \\"hi\\"\\n\\u003c\\u007cim_end\\u007c\\u003e"'
    """
    most = BYTES_A_TOKEN * max_tokens + 2
    while len(written := as_json(text)) > most:
        text = text[: min(len(text) - 1, len(text) * most // len(written))]
    return written


def as_json(value: Any) -> str:
    """Return a value as JSON of ASCII on one line, signs of chat templates escaped."""
    written = json.dumps(value, ensure_ascii=True)
    return _SIGNS.sub(lambda sign: f"\\u{ord(sign[0]):04x}", written)
