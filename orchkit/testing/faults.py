"""What can go wrong, as one table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from . import replies
from .generation import share
from .replies import Act

__all__ = ["FAULTS", "Fault", "Faults", "check_names"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One way for a request to end.

    Attributes
    ----------
    name : str
        Its key in `FAULTS`, used by scripts, by mixes and as an entry's ``outcome``.
    billed : bool
        Whether a generation takes place and is paid, whatever the client sees of it.
    means : str
        What happens, in a few words.
    act : callable
        From the scene to the reply.
    """

    name: str
    billed: bool
    means: str
    act: Act = field(repr=False)


PAID, FREE = True, False
PAGE = b"<html><body>Bad gateway</body></html>"

_TABLE = (
    Fault("ok", PAID, "a good answer", replies.good),
    Fault("invalid-request", FREE, "400: the request is malformed", replies.invalid),
    Fault("unknown-model", FREE, "404: the model has no price", replies.unknown_model),
    Fault("rate-limited", FREE, "429: rpm or tpm is used up", replies.retry_whole_seconds),
    Fault("crowded", FREE, "429: more than max_concurrency in flight", replies.status(429)),
    Fault("400", FREE, "bad request", replies.status(400)),
    Fault("401", FREE, "the key is wrong", replies.status(401)),
    Fault("403", FREE, "the key may not do this", replies.status(403)),
    Fault("404", FREE, "not found", replies.status(404)),
    Fault("408", FREE, "request timeout", replies.status(408)),
    Fault("409", FREE, "conflict", replies.status(409)),
    Fault("413", FREE, "request too large", replies.status(413)),
    Fault("422", FREE, "unprocessable", replies.status(422)),
    Fault("429", FREE, "rate limit without Retry-After", replies.status(429)),
    Fault("429-seconds", FREE, "Retry-After in seconds", replies.retry_seconds),
    Fault("429-date", FREE, "Retry-After as an HTTP date", replies.retry_date),
    Fault("429-zero", FREE, "Retry-After: 0", replies.retry("0")),
    Fault("429-negative", FREE, "Retry-After: -5", replies.retry("-5")),
    Fault("429-nan", FREE, "Retry-After: nan", replies.retry("nan")),
    Fault("429-inf", FREE, "Retry-After: inf", replies.retry("inf")),
    Fault("429-hour", FREE, "Retry-After: 3600", replies.retry("3600", 3600.0)),
    Fault("429-quota", FREE, "the account is out of money", replies.status(429, quota=True)),
    Fault("500", FREE, "server error", replies.status(500)),
    Fault("503", FREE, "unavailable", replies.status(503)),
    Fault("529", FREE, "overloaded", replies.status(529)),
    Fault("reset-before", FREE, "reset once the request was read", replies.sent("reset")),
    Fault("reset-after", PAID, "reset after the generation, before a reply", replies.sent("reset")),
    Fault("reset-middle", PAID, "reset in the middle of the body", replies.sent("half")),
    Fault("hang", PAID, "no reply until the client goes", replies.sent("hang")),
    Fault("drip", PAID, "the body comes byte by byte", replies.sent("drip")),
    Fault("truncated", PAID, "half of the JSON", replies.edited(replies.truncated)),
    Fault("invalid-utf8", PAID, "a byte 0xff in the JSON", replies.edited(replies.invalid_utf8)),
    Fault("html", PAID, "an HTML page with status 200", replies.fixed(PAGE, "text/html")),
    Fault("error-200", PAID, "an error object with status 200", replies.error_200),
    Fault("list", PAID, "the body is []", replies.fixed(b"[]")),
    Fault("empty", PAID, "choices or content is []", replies.ending("none")),
    Fault("oversize", PAID, "a body that is far too large", replies.oversize),
    Fault("oversize-gzip", PAID, "the same, small on the wire", replies.oversize_gzip),
    Fault("nested", PAID, "arrays nested very deep", replies.nested),
    Fault("usage-missing", PAID, "no usage", replies.usage_missing),
    Fault("usage-nan", PAID, "usage is NaN", replies.usage(math.nan)),
    Fault("usage-negative", PAID, "usage is -5", replies.usage(-5)),
    Fault("usage-huge", PAID, "usage has 4000 digits", replies.usage(10**3999)),
    Fault("usage-float", PAID, "usage is 1e300", replies.usage(1e300)),
    Fault("usage-string", PAID, "usage is text", replies.usage("many")),
    Fault("usage-over", PAID, "a million output tokens too many", replies.usage_over),
    Fault("wrong-model", PAID, "the reply names another model", replies.wrong_model),
    Fault("refusal", PAID, "the model refuses", replies.ending("refusal")),
    Fault("tool-call", PAID, "a tool call instead of a text", replies.ending("tool")),
    Fault("content-null", PAID, "content is null", replies.ending("null")),
    Fault("length", PAID, "the answer ended at the limit", replies.ending("length")),
)

FAULTS: Mapping[str, Fault] = {fault.name: fault for fault in _TABLE}


@dataclass(frozen=True, slots=True)
class Faults:
    """Which faults happen at random, and how bad they are.

    Attributes
    ----------
    mix : mapping of str to float
        Name in `FAULTS` to its probability; the rest is ``"ok"``.
    retry_after : float
        Seconds that ``429-seconds`` and ``429-date`` ask to wait.
    drip : float
        Seconds before each byte of ``drip``.
    oversize : int
        Bytes by which ``oversize`` and ``oversize-gzip`` exceed a good body.
    depth : int
        How deep ``nested`` is nested.
    """

    mix: Mapping[str, float] = field(default_factory=dict)
    retry_after: float = 1.0
    drip: float = 0.05
    oversize: int = 32 * 2**20
    depth: int = 100_000

    def __post_init__(self) -> None:
        """Refuse unknown names and impossible probabilities."""
        check_names(self.mix)
        shares = self.mix.values()
        if not all(0 <= each <= 1 for each in shares) or sum(shares) > 1 + 1e-9:
            raise ValueError(f"probabilities lie in [0, 1] and sum to at most 1, not {self.mix!r}")

    def draw(self, seed: int, seq: int) -> str:
        """Choose what happens to a request.

        Parameters
        ----------
        seed, seq : int
            The server's seed and the request's place in the book; they alone decide.

        Returns
        -------
        str
            A name in `FAULTS`.
        """
        spot = share(str(seed), str(seq))
        for name, probability in self.mix.items():
            spot -= probability
            if spot < 0:
                return name
        return "ok"


def check_names(names: Iterable[str]) -> None:
    """Refuse names that are not in `FAULTS`.

    Parameters
    ----------
    names : iterable of str
        What a script or a mix uses.

    Raises
    ------
    ValueError
        Naming the unknown one and its near matches.
    """
    for name in names:
        if name not in FAULTS:
            near = get_close_matches(name, FAULTS, n=3, cutoff=0.4)
            raise ValueError(f"no fault is named {name!r}; near matches: {near}")
