"""What can go wrong, as one table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from . import refusing, replies, spoiling
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

_TABLE = (
    Fault("ok", PAID, "a good answer", replies.good),
    Fault("invalid-request", FREE, "400: the request is malformed", refusing.invalid),
    Fault("unknown-model", FREE, "404: the model has no price", refusing.unknown_model),
    Fault("rate-limited", FREE, "429: rpm or tpm is used up", refusing.retry_whole_seconds),
    Fault("crowded", FREE, "429: more than max_concurrency in flight", refusing.status(429)),
    Fault("400", FREE, "bad request", refusing.status(400)),
    Fault("401", FREE, "the key is wrong", refusing.status(401)),
    Fault("402", FREE, "to be paid first", refusing.status(402)),
    Fault("403", FREE, "the key may not do this", refusing.status(403)),
    Fault("404", FREE, "not found", refusing.status(404)),
    Fault("408", FREE, "request timeout", refusing.status(408)),
    Fault("409", FREE, "conflict", refusing.status(409)),
    Fault("413", FREE, "request too large", refusing.status(413)),
    Fault("422", FREE, "unprocessable", refusing.status(422)),
    Fault("429", FREE, "rate limit without Retry-After", refusing.status(429)),
    Fault("429-seconds", FREE, "Retry-After in seconds", refusing.retry_seconds),
    Fault("429-date", FREE, "Retry-After as an HTTP date", refusing.retry_date),
    Fault("429-zero", FREE, "Retry-After: 0", refusing.retry("0")),
    Fault("429-negative", FREE, "Retry-After: -5", refusing.retry("-5")),
    Fault("429-nan", FREE, "Retry-After: nan", refusing.retry("nan")),
    Fault("429-inf", FREE, "Retry-After: inf", refusing.retry("inf")),
    Fault("429-hour", FREE, "Retry-After: 3600", refusing.retry("3600", 3600.0)),
    Fault("429-past", FREE, "Retry-After as a date an hour ago", refusing.retry_past),
    Fault("429-duration", FREE, "Retry-After: 1m30s", refusing.retry("1m30s", 90.0)),
    Fault("429-reset", FREE, "no Retry-After, but a reset", refusing.reset),
    Fault("429-quota", FREE, "the account is out of money", refusing.status(429, quota=True)),
    Fault("500", FREE, "server error", refusing.status(500)),
    Fault("502-html", FREE, "a gateway's web page", refusing.page(502)),
    Fault("500-garbled", FREE, "an error that is no text", refusing.garbled(500)),
    Fault("307", FREE, "a redirect to another server", refusing.redirect),
    Fault("503", FREE, "unavailable", refusing.status(503)),
    Fault("529", FREE, "overloaded", refusing.status(529)),
    Fault("reset-before", FREE, "reset once the request was read", replies.sent("reset")),
    Fault("reset-after", PAID, "reset after the generation, before a reply", replies.sent("reset")),
    Fault("reset-middle", PAID, "reset in the middle of the body", replies.sent("half")),
    Fault("closed-before", PAID, "the connection ends in good order", replies.sent("close")),
    Fault("closed-middle", PAID, "it does so within the body", replies.sent("cut")),
    Fault("not-http", PAID, "bytes that are no HTTP", replies.sent("babble")),
    Fault("chunked", PAID, "a good answer, its length not told", replies.sent("chunked")),
    Fault("hang", PAID, "no reply until the client goes", replies.sent("hang")),
    Fault("drip", PAID, "the body comes byte by byte", replies.sent("drip")),
    Fault("truncated", PAID, "half of the JSON", spoiling.edited(spoiling.truncated)),
    Fault("invalid-utf8", PAID, "a byte 0xff in the JSON", spoiling.edited(spoiling.invalid_utf8)),
    Fault("html", PAID, "an HTML page with status 200", spoiling.fixed(refusing.PAGE, "text/html")),
    Fault("error-200", PAID, "an error object with status 200", spoiling.error_200),
    Fault("blank", PAID, "status 200 and no body", spoiling.fixed(b"")),
    Fault("null", PAID, "the body is null", spoiling.fixed(b"null")),
    Fault("twice", PAID, "each key twice, null at first", spoiling.edited(spoiling.twice)),
    Fault("list", PAID, "the body is []", spoiling.fixed(b"[]")),
    Fault("empty", PAID, "choices or content is []", replies.ending("none")),
    Fault("oversize", PAID, "a body that is far too large", spoiling.oversize),
    Fault("oversize-gzip", PAID, "the same, small on the wire", spoiling.oversize_gzip),
    Fault("oversize-chunked", PAID, "the same, its length not told", spoiling.oversize_chunked),
    Fault("nested-keys", PAID, "objects nested very deep", spoiling.nested_keys),
    Fault("nested", PAID, "arrays nested very deep", spoiling.nested),
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
    Fault("content-number", PAID, "content is a number", replies.ending("number")),
    Fault("surrogate", PAID, "half a surrogate pair in the text", replies.half_a_character),
    Fault("strange-ending", PAID, "an ending nobody knows", replies.ending("strange")),
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
        Seconds that ``429-seconds``, ``429-date`` and ``429-reset`` ask to wait.
    drip : float
        Seconds before each byte of ``drip``.
    oversize : int
        Bytes by which ``oversize`` and its kin exceed a good body.
    depth : int
        How deep ``nested`` and ``nested-keys`` are nested.
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
