"""What the pretended model says and what it costs: pure arithmetic, the same on every machine."""

from __future__ import annotations

import codecs
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from hashlib import sha256

__all__ = [
    "Generation",
    "cost_nano",
    "generate",
    "input_tokens",
    "pico_per_token",
    "share",
    "token_logprobs",
]

BYTES_PER_TOKEN = 4
TOKENS_PER_MESSAGE = 4


@dataclass(frozen=True, slots=True)
class Generation:
    """One answer of the pretended model.

    Attributes
    ----------
    text : str
        The answer, already cut to the limit.
    ending : str
        Why it ended: ``"stop"`` or ``"length"``; faults put others in its place.
    input_tokens, output_tokens : int
        What is billed.
    """

    text: str
    ending: str
    input_tokens: int
    output_tokens: int


def generate(
    model: str,
    prompt: str,
    contents: Iterable[str],
    limit: int | None,
    answers: Mapping[str, str | bool],
) -> Generation:
    """Answer a prompt.

    Parameters
    ----------
    model, prompt : str
        They alone determine the text.
    contents : iterable of str
        The texts of all messages, which are billed as input.
    limit : int or None
        The largest number of output tokens.
    answers : mapping
        Prompt to text; ``{"echo": True}`` answers every other prompt with itself.

    Returns
    -------
    Generation
        The text, cut to the limit, and its tokens.
    """
    text = _say(model, prompt, answers)
    wanted = max(1, math.ceil(len(_utf8(text)) / BYTES_PER_TOKEN))
    billed = input_tokens(contents)
    if limit is None or wanted <= limit:
        return Generation(text, "stop", billed, wanted)
    return Generation(_first_bytes(text, limit * BYTES_PER_TOKEN), "length", billed, limit)


def input_tokens(contents: Iterable[str]) -> int:
    """Count what a conversation is billed as.

    Parameters
    ----------
    contents : iterable of str
        The text of each message.

    Returns
    -------
    int
        A quarter of all UTF-8 bytes, rounded up and at least 1, plus 4 for each message.
    """
    sizes = [len(_utf8(content)) for content in contents]
    return max(1, math.ceil(sum(sizes) / BYTES_PER_TOKEN)) + TOKENS_PER_MESSAGE * len(sizes)


def pico_per_token(usd_per_million: float | str | Decimal) -> int:
    """Convert a price to an exact integer.

    Parameters
    ----------
    usd_per_million : float or str or Decimal
        US dollars per million tokens, as the vendors quote it.

    Returns
    -------
    int
        Pico-dollars per token.

    Raises
    ------
    ValueError
        If the price is negative, not finite, or finer than a pico-dollar per token.
    """
    try:
        pico = Decimal(str(usd_per_million)) * 10**6
        whole = int(pico)
    except (InvalidOperation, ValueError, OverflowError):
        raise ValueError(f"a price is a finite number of USD, not {usd_per_million!r}") from None
    if whole != pico or whole < 0:
        raise ValueError(f"a price is a multiple of 0.000001 USD from 0, not {usd_per_million!r}")
    return whole


def cost_nano(generation: Generation, price: tuple[int, int]) -> int:
    """Price a generation.

    Parameters
    ----------
    generation : Generation
        What was generated.
    price : tuple of int
        Pico-dollars per input token and per output token.

    Returns
    -------
    int
        Nano-dollars, rounded up.
    """
    pico = generation.input_tokens * price[0] + generation.output_tokens * price[1]
    return -(-pico // 1000)


def token_logprobs(model: str, prompt: str, text: str) -> Iterator[tuple[str, float]]:
    """Give each token of an answer a plausible log-probability.

    Parameters
    ----------
    model, prompt : str
        They determine the numbers.
    text : str
        The answer.

    Yields
    ------
    tuple of str and float
        The token and the natural logarithm of its probability: most are near 0, a few near -3.
    """
    for start in range(0, len(text), BYTES_PER_TOKEN):
        surprise = 3 * share(model, prompt, str(start)) ** 4
        yield text[start : start + BYTES_PER_TOKEN], -round(surprise, 6)


def share(*parts: str) -> float:
    """Draw a number that depends on the parts alone.

    Parameters
    ----------
    *parts : str
        Anything.

    Returns
    -------
    float
        Uniform in [0, 1).
    """
    return int(_digest(*parts)[:13], 16) / 16**13


def _say(model: str, prompt: str, answers: Mapping[str, str | bool]) -> str:
    said = answers.get(prompt)
    if isinstance(said, str):
        return said
    return prompt if answers.get("echo") is True else _words(_digest(model, prompt))


def _words(digest: str) -> str:
    count = 3 + int(digest[0], 16) % 8
    return " ".join(["Answer", *(digest[4 * n : 4 * n + 4] for n in range(count))])


def _digest(*parts: str) -> str:
    return sha256(b"\x00".join(map(_utf8, parts))).hexdigest()


def _utf8(text: str) -> bytes:
    # JSON may carry half a surrogate pair, and what was received must still be billed.
    return text.encode("utf-8", "surrogatepass")


def _first_bytes(text: str, size: int) -> str:
    return codecs.getincrementaldecoder("utf-8")("surrogatepass").decode(_utf8(text)[:size])
