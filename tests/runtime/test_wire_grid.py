"""The grid of what a server can do to a call: each line one case, for both vendors.

The judge of what was sent and billed is the server's book; of what we say it cost, the ledger.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
import pytest

import orchkit
from orchkit.core.calls import Kind, Message
from orchkit.core.catalog import Model
from orchkit.runtime.budget import Purse
from orchkit.runtime.limits import Policy
from orchkit.testing import FAULTS
from orchkit.ui.session import SESSION

pytestmark = pytest.mark.wire

LIMIT = 20
PRICES = {"openai": (0.15, 0.60), "anthropic": (1.0, 5.0)}
WIRE_NAMES = {"openai": "gpt-4o-mini", "anthropic": "claude-haiku-4-5"}
#: Three attempts, one of which may repeat what may have been billed; nobody waits for long.
POLICY = Policy(attempts=3, timeout=10, max_wait=5, patience=20, base=0.001, ceiling=0.01)
#: What a server that hangs or drips is given for one attempt.
SHORT = 0.3


@dataclass(frozen=True)
class Case:
    """What the server does, and what is promised: the code, the requests and what they count as.

    `worst` attempts count as the most they could cost, `paid` ones as what the server billed; the
    others as nothing.
    """

    script: tuple[str, ...]
    kind: Kind | None
    requests: int
    worst: int = 0
    paid: int = 0
    timeout: float = POLICY.timeout


def _final(fault: str, kind: Kind) -> Case:
    """Refused for good: one request, which is free."""
    return Case((fault, "ok"), kind, 1)


def _passing(*faults: str) -> Case:
    """Refused for a while: the answer is got in the end, and nothing else is paid."""
    return Case((*faults, "ok"), None, len(faults) + 1, paid=1)


def _lost(fault: str, timeout: float = POLICY.timeout) -> Case:
    """Perhaps billed, without an answer: bought once more, and counted at its worst."""
    return Case((fault, "ok"), None, 2, worst=1, paid=1, timeout=timeout)


def _gone(fault: str, kind: Kind, timeout: float = POLICY.timeout) -> Case:
    """Lost twice: nothing is bought a third time."""
    return Case((fault,) * 3, kind, 2, worst=2, timeout=timeout)


def _answered(fault: str, kind: Kind | None = None) -> Case:
    """Answered or declined by the model: paid as billed, and not asked again."""
    return Case((fault, "ok"), kind, 1, paid=1)


def _uncounted(fault: str) -> Case:
    """Answered, but nobody can tell what it cost: counted at its worst, and kept."""
    return Case((fault, "ok"), None, 1, worst=1)


FINAL = {
    "307": Kind.BadRequest,
    "400": Kind.BadRequest,
    "401": Kind.AuthError,
    "402": Kind.QuotaExhausted,
    "403": Kind.AuthError,
    "404": Kind.NotFound,
    "413": Kind.PromptTooLong,
    "422": Kind.BadRequest,
    "429-quota": Kind.QuotaExhausted,
    "429-hour": Kind.RateLimited,
    "429-inf": Kind.RateLimited,
    "429-duration": Kind.RateLimited,
}
PASSING = (
    ("408",),
    ("409",),
    ("500",),
    ("500-garbled",),
    ("502-html",),
    ("503",),
    ("529",),
    ("500", "529"),
    ("429",),
    ("429",) * 5,
    ("429-zero",),
    ("429-negative",),
    ("429-nan",),
    ("429-past",),
    ("429-seconds",),
    ("429-seconds", "429-seconds"),
    ("429-date",),
    ("429-reset",),
    ("429-seconds", "500", "429", "500"),
)
LOST = {
    "reset-before": Kind.ConnectionFailed,
    "reset-after": Kind.ConnectionFailed,
    "reset-middle": Kind.ConnectionFailed,
    "closed-before": Kind.ConnectionFailed,
    "closed-middle": Kind.ConnectionFailed,
    "not-http": Kind.MalformedResponse,
    "truncated": Kind.MalformedResponse,
    "invalid-utf8": Kind.MalformedResponse,
    "html": Kind.MalformedResponse,
    "error-200": Kind.MalformedResponse,
    "blank": Kind.MalformedResponse,
    "null": Kind.MalformedResponse,
    "list": Kind.MalformedResponse,
    "nested": Kind.MalformedResponse,
    "nested-keys": Kind.MalformedResponse,
    "content-number": Kind.MalformedResponse,
    "oversize": Kind.MalformedResponse,
    "oversize-chunked": Kind.MalformedResponse,
    "oversize-gzip": Kind.MalformedResponse,
}
SLOW = ("hang", "drip")
UNCOUNTED = (
    "usage-missing",
    "usage-nan",
    "usage-negative",
    "usage-huge",
    "usage-float",
    "usage-string",
)
ANSWERED: dict[str, Kind | None] = {
    "ok": None,
    "chunked": None,
    "twice": None,
    "surrogate": None,
    "strange-ending": None,
    "length": None,
    "wrong-model": None,
    "refusal": Kind.Refused,
    "tool-call": Kind.ToolCall,
}
MIXED = {
    "lasting": Case(("500",) * 4, Kind.ServerError, 3),
    "overloaded": Case(("529",) * 4, Kind.ServerError, 3),
    "lost in two ways": Case(("reset-after", "truncated", "ok"), Kind.MalformedResponse, 2, 2),
    "lost between failures": Case(("500", "html", "500"), Kind.ServerError, 3, worst=1),
    "lost, then limited": Case(("html", "429", "ok"), None, 3, worst=1, paid=1),
    "lost, then refused": Case(("html", "400"), Kind.BadRequest, 2, worst=1),
    "lost, then declined": Case(("html", "refusal"), Kind.Refused, 2, worst=1, paid=1),
    "lost, then uncounted": Case(("html", "usage-missing"), None, 2, worst=2),
}
CASES = {
    **{fault: _final(fault, kind) for fault, kind in FINAL.items()},
    **{", ".join(faults): _passing(*faults) for faults in PASSING},
    **{f"{fault} once": _lost(fault) for fault in LOST},
    **{f"{fault} for ever": _gone(fault, kind) for fault, kind in LOST.items()},
    **{f"{fault} once": _lost(fault, SHORT) for fault in SLOW},
    **{f"{fault} for ever": _gone(fault, Kind.Timeout, SHORT) for fault in SLOW},
    **{fault: _answered(fault, kind) for fault, kind in ANSWERED.items()},
    **{fault: _uncounted(fault) for fault in UNCOUNTED},
    **MIXED,
}
#: The two wires differ: an answer without a part is none for one, and an empty one for the other.
APART = {
    ("openai", "empty"): _lost("empty"),
    ("openai", "content-null"): _answered("content-null", Kind.EmptyAnswer),
    ("anthropic", "empty"): _answered("empty", Kind.EmptyAnswer),
    ("anthropic", "content-null"): _lost("content-null"),
}
GRID = {**{(vendor, name): CASES[name] for vendor in PRICES for name in CASES}, **APART}

Add = Callable[..., str]


@pytest.fixture
def add(clients: Mapping[str, Any]) -> Add:
    """Return a function that adds a vendor's model under a name that nobody has paused yet."""

    def adding(vendor: str, **known: Any) -> str:
        name = f"{vendor}-{time.monotonic_ns()}"
        prices = dict(zip(("input_price", "output_price"), PRICES[vendor], strict=True))
        known = {"provider": clients[vendor], "id": WIRE_NAMES[vendor], **prices, **known}
        orchkit.add_model(name, **known)
        return name

    return adding


@pytest.fixture
def route(server: Any) -> Callable[..., pd.DataFrame]:
    """Return a function that routes prompts with a short policy."""

    def routing(
        how: Any, prompts: Sequence[str] = ("Why?",), timeout: float = 10, **settings: Any
    ) -> pd.DataFrame:
        policy = replace(POLICY, timeout=timeout)
        SESSION.settings = replace(SESSION.settings, policy=policy, mode="live")
        frame = pd.DataFrame({"prompt": prompts})
        settings = {"max_tokens": LIMIT, "progress": False, **settings}
        return orchkit.route(frame, how, **settings)

    return routing


def _model(name: str) -> Model:
    return SESSION.catalog()[name]


def _bound(name: str, prompt: str = "Why?") -> int:
    bound = _model(name).bound((Message("user", prompt),), LIMIT)
    assert bound is not None
    return bound


def _code(error: object) -> str | None:
    return None if pd.isna(error) else str(error).split(":")[0]  # type: ignore[call-overload]


@pytest.fixture(params=GRID, ids=lambda key: f"{key[0]}: {key[1]}")
def case(request: pytest.FixtureRequest) -> tuple[str, Case]:
    """Give each case of the grid, with its vendor."""
    return request.param[0], GRID[request.param]


def test_the_grid(case: tuple[str, Case], add: Add, route: Any, server: Any) -> None:
    """Code, requests, money and time are as documented, whatever the server does."""
    vendor, promised = case
    name, purse = add(vendor), Purse()
    SESSION.settings = replace(SESSION.settings, purses=(purse,))
    server.script(promised.script)
    began = time.monotonic()
    row = route(name, timeout=promised.timeout).iloc[0]
    took, book = time.monotonic() - began, server.book()
    assert _code(row["error"]) == (promised.kind and promised.kind.name)
    assert pd.isna(row["response"]) == (promised.kind is not None)
    assert book.requests == promised.requests
    billed = [entry.billed_nano for entry in book.entries][promised.requests - promised.paid :]
    assert SESSION.ledger().spent() == promised.worst * _bound(name) + sum(billed)
    assert SESSION.ledger().spent() == purse.spent >= book.billed_nano
    assert purse.held == 0
    assert book.early() == ()
    if promised.timeout == SHORT:
        assert took <= SHORT * promised.requests + 0.5


vendors = pytest.mark.parametrize("vendor", PRICES)


@vendors
@pytest.mark.parametrize("host", ["127.0.0.1", "no-such-host.invalid"])
def test_where_nobody_listens_nothing_is_paid(vendor: str, host: str, add: Add, route: Any) -> None:
    """A connection that is never made is tried again, and is free."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        name = add(vendor, provider=vendor, base_url=f"http://{host}:{port}/v1")
        row = route(name, timeout=5).iloc[0]
    assert _code(row["error"]) == "ConnectionFailed"
    assert [each["state"] for each in SESSION.ledger().rows()] == ["released"] * POLICY.attempts


@vendors
@pytest.mark.parametrize("fault", ["401", "402", "403", "429-quota"])
def test_a_vendor_that_turns_one_away_is_asked_no_more(
    vendor: str, fault: str, add: Add, route: Any, server: Any
) -> None:
    """A wrong key or an empty account is found out once, not for every row."""
    server.script([fault] * 40)
    out = route(add(vendor), [f"Question {n}" for n in range(40)], concurrency=4)
    assert {_code(error) for error in out["error"]} == {FINAL[fault].name}
    assert server.book().requests <= 4


@vendors
@pytest.mark.parametrize(
    "script",
    [
        ("404",),
        ("413",),
        ("401",),
        ("429-quota",),
        ("429-hour",),
        ("429-inf",),
        ("500",) * POLICY.attempts,
        ("html",) * 2,
        ("refusal",),
        ("tool-call",),
    ],
    ids=" ".join,
)
def test_the_next_model_answers_where_one_cannot(
    vendor: str, script: tuple[str, ...], add: Add, route: Any, server: Any
) -> None:
    """A chain goes on to its next model, at another vendor, and the row has an answer."""
    (other,) = PRICES.keys() - {vendor}
    first, second = add(vendor), add(other)
    server.script(script)
    row = route(orchkit.Fallback(chain=(first, second), threshold=0.1)).iloc[0]
    assert (_code(row["error"]), row["model_used"]) == (None, second)
    assert server.book().requests == len(script) + 1


@vendors
def test_more_than_the_most_is_charged_in_full_and_ends_a_capped_run(
    vendor: str, add: Add, route: Any, server: Any
) -> None:
    """A vendor that breaks the limit is paid what it asks, once, and asked nothing more."""
    name = add(vendor)
    server.script(["usage-over", "ok", "ok"])
    with pytest.warns(orchkit.OrchkitWarning, match="charged more"):
        out = route(name, ["a", "b", "c"], budget=100.0, concurrency=1)
    tokens = server.book().entries[0].output_tokens + 1_000_000
    charged = server.book().entries[0].input_tokens * PRICES[vendor][0]
    assert server.book().requests == 1
    assert SESSION.ledger().spent() == round(1000 * (charged + tokens * PRICES[vendor][1]))
    assert [_code(error) for error in out["error"][1:]] == ["BudgetOverrun"] * 2


@vendors
def test_without_a_cap_more_than_the_most_is_an_answer_like_others(
    vendor: str, add: Add, route: Any, server: Any
) -> None:
    """Where nothing was promised nothing is broken: the run goes on."""
    server.script(["usage-over", "ok"])
    out = route(add(vendor), ["a", "b"], concurrency=1)
    assert out["error"].isna().all()


@vendors
@pytest.mark.parametrize("fault", ["refusal", "tool-call", "length", "strange-ending", "html"])
def test_what_is_no_whole_answer_is_asked_again_another_day(
    vendor: str, fault: str, add: Add, route: Any, server: Any
) -> None:
    """Refusals, stumps and failures are not kept; whole answers are."""
    name = add(vendor)
    server.script([fault] * 2)
    route(name)
    server.script([])
    before = server.book().requests
    assert _code(route(name).iloc[0]["error"]) is None
    assert server.book().requests == before + 1
    assert bool(route(name).iloc[0]["cached"])
    assert server.book().requests == before + 1


@vendors
@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("length", {"truncated": True}),
        ("usage-missing", {"usage": "missing"}),
        ("wrong-model", {"answered_by": "{}-impostor"}),
    ],
)
def test_what_is_odd_about_an_answer_is_told_beside_it(
    vendor: str, fault: str, told: dict[str, Any], add: Add, route: Any, server: Any
) -> None:
    """The answer is kept and its metadata say what is to be known of it."""
    server.script([fault])
    row = route(add(vendor)).iloc[0]
    known = {**row["metadata"], **row["metadata"]["calls"][0]}
    wanted = {k: v.format(WIRE_NAMES[vendor]) if type(v) is str else v for k, v in told.items()}
    assert {name: known[name] for name in wanted} == wanted


def test_the_grid_is_as_large_as_promised() -> None:
    """At least 45 cases for each vendor, and all that the server can do is among them."""
    for vendor in PRICES:
        cases = [case for key, case in GRID.items() if key[0] == vendor]
        assert len(cases) >= 45
        done = {fault for case in cases for fault in case.script}
        # Four are the server's own, and more than the most has tests of its own.
        assert FAULTS.keys() - done == {
            "invalid-request",
            "unknown-model",
            "rate-limited",
            "crowded",
            "usage-over",
        }


@vendors
@pytest.mark.parametrize("fault", SLOW)
def test_the_timeout_that_was_asked_for_holds(
    vendor: str, fault: str, add: Add, server: Any
) -> None:
    """By the server's clock no attempt lasts longer than `use` allows, and half a second."""
    server.script([fault] * 2)
    name = add(vendor)
    with orchkit.use("live", timeout=SHORT):
        out = orchkit.route(pd.DataFrame({"prompt": ["Why?"]}), name, progress=False)
    assert _code(out["error"][0]) == "Timeout"
    for entry in server.book().entries:
        assert entry.finished - entry.arrived <= SHORT + 0.5
