"""What every provider owes the executor, whoever stands behind it."""

from __future__ import annotations

import asyncio
import copy
import logging
import pickle
import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import pytest

from orchkit.core.calls import Call, Kind, Message, Params, Response, canonical
from orchkit.core.catalog import Catalog, Model
from orchkit.core.plans import Query, Trace
from orchkit.core.strategies.single import Single
from orchkit.runtime.catalogs import bundled, catalog
from orchkit.runtime.executor import Executor
from orchkit.runtime.limits import Policy
from orchkit.runtime.loop import LOOP
from orchkit.runtime.providers.simulator import Simulator
from orchkit.runtime.wire import Rejection, request_key
from orchkit.testing import FAULTS, LoopbackServer

KEY = "sk-canary-1f3b7a"
MODELS = {"simulator": "gpt-4o", "openai": "gpt-4o-mini", "anthropic": "claude-haiku-4-5"}
QUICK = Policy(attempts=3, timeout=0.25, patience=3, max_wait=2, base=0.001, ceiling=0.01)


@dataclass(frozen=True)
class Party:
    """A provider, and a model that it serves."""

    provider: Any
    model: Model

    def call(self, text: str = "Why?", draw: int = 0, **params: Any) -> Call:
        """Return a call that the provider understands."""
        return Call(self.model.name, (Message("user", text),), Params(**params), draw)

    def ask(self, *calls: Call) -> list[Response]:
        """Ask all calls at once."""

        async def together() -> list[Response]:
            return await asyncio.gather(*map(self.provider.complete, calls))

        return LOOP.run(together)


@pytest.fixture(params=MODELS)
def party(
    request: pytest.FixtureRequest, server: LoopbackServer, clients: Mapping[str, Any]
) -> Party:
    """Give each provider in turn, the vendors' on the loopback server."""
    name: str = request.param
    provider = clients.get(name) or Simulator(catalog([bundled()]))
    return Party(provider, bundled().models[MODELS[name]])


def test_a_call_becomes_a_response(party: Party) -> None:
    """There is a text, a usage and an ending, and nothing that is not the provider's to say."""
    (answer,) = party.ask(party.call())
    assert isinstance(answer, Response)
    assert answer.ok
    assert "Why?" in (answer.text or "")
    assert (answer.finish, answer.cached, answer.failure) == ("stop", False, None)
    assert answer.usage.input_tokens > 0
    assert answer.usage.output_tokens > 0


def test_the_response_names_who_was_asked(party: Party) -> None:
    """The model is the call's."""
    (answer,) = party.ask(party.call())
    assert answer.model == party.model.name


def test_it_has_a_name(party: Party) -> None:
    """The name is a plain word, the same for every instance."""
    assert party.provider.name == type(party.provider).name
    assert party.provider.name in MODELS


@pytest.mark.parametrize("limit", [1, 5, 1000])
def test_cost_stays_within_the_bound(party: Party, limit: int) -> None:
    """What is reserved before a call covers what it costs after it."""
    call = party.call("A prompt, ümlauts and 漢字 among it. " * 5, max_tokens=limit)
    (answer,) = party.ask(call)
    cost, bound = party.model.cost(answer.usage), party.model.bound(call.messages, limit)
    assert cost is not None
    assert bound is not None
    assert 0 < cost <= bound
    assert answer.usage.output_tokens <= limit


def test_an_answer_that_was_cut_says_so(party: Party) -> None:
    """At a limit of one token the ending is `length`."""
    (answer,) = party.ask(party.call("Tell me all about it", max_tokens=1))
    assert (answer.finish, answer.ok) == ("length", True)


def test_calls_at_once_are_not_mixed_up(party: Party) -> None:
    """Fifty calls under way together each get their own answer."""
    texts = [f"Question {n}" for n in range(50)]
    answers = party.ask(*map(party.call, texts))
    assert [text in (a.text or "") for text, a in zip(texts, answers, strict=True)] == [True] * 50


def test_a_call_is_not_changed_by_asking(party: Party) -> None:
    """The same call can be asked again and is still the same."""
    call = party.call(temperature=0.5)
    before = copy.deepcopy(call)
    party.ask(call)
    assert call == before


def test_the_description_of_a_request_is_plain_data(party: Party) -> None:
    """It can be written down, is the same each time, and holds no key."""
    call = party.call("é\ud800", temperature=0.5)
    told = canonical(party.provider.request(call))
    assert told == canonical(party.provider.request(call))
    assert KEY not in told


def test_what_decides_the_answer_decides_the_key(party: Party) -> None:
    """Text, role, model, limit, temperature and draw each make another request."""
    call = party.call()
    others = [
        party.call("Why not?"),
        party.call(max_tokens=5),
        party.call(temperature=0.0),
        party.call(draw=1),
        replace(call, model="gpt-4"),
        replace(call, messages=(Message("assistant", "Why?"),)),
        replace(call, messages=(Message("system", "Be brief."), *call.messages)),
    ]
    keys = {request_key(party.provider, each) for each in (call, *others)}
    assert len(keys) == 1 + len(others)


def test_whoever_else_is_interrupted_it_goes_on(party: Party) -> None:
    """A call that was cancelled leaves the provider usable."""

    async def cut() -> None:
        task = asyncio.create_task(party.provider.complete(party.call()))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    LOOP.run(cut)
    assert party.ask(party.call())[0].ok


def _executor(wire: Any, **known: Any) -> Executor:
    models = Catalog({wire.model.name: wire.model}, ())
    known.setdefault("policy", Policy(timeout=20, base=0.001, ceiling=0.01))
    return Executor(models, lambda _: wire.provider, **known)


def _run(runner: Executor, wire: Any, texts: list[str]) -> list[Trace]:
    one = Single(wire.model.name)
    return runner.run(
        [(Query((Message("user", text),), Params(max_tokens=20)), one) for text in texts]
    )


def test_usage_and_cost_are_the_server_s_to_the_nano_dollar(wire: Any) -> None:
    """What the rows say they cost, what the run says it spent and what was billed are one sum."""
    runner = _executor(wire, concurrency=8)
    traces = _run(runner, wire, [f"Quöstion number {n} " * n for n in range(1, 40)])
    book = wire.server.book()
    assert sum(trace.cost or 0 for trace in traces) == book.billed_nano
    assert runner.spent.purse.spent == book.billed_nano
    assert sum(trace.usage.input_tokens for trace in traces) == sum(
        entry.input_tokens for entry in book.entries
    )


@pytest.mark.filterwarnings("ignore:.*charged more.*:orchkit.errors.OrchkitWarning")
@pytest.mark.parametrize(
    "fault",
    # The others ask to wait, and cost nothing.
    [name for name in FAULTS if FAULTS[name].billed or name in ("400", "429", "500")],
)
def test_what_is_spent_covers_what_was_billed(wire: Any, fault: str) -> None:
    """Whatever goes wrong, the run's own count is never below the server's, and the cap holds."""
    wire.server.script([fault] * 8)
    bound = wire.model.bound((Message("user", "prompt 0"),), 20)
    cap = 3 * bound
    runner = _executor(wire, budget=cap, concurrency=2, policy=QUICK)
    _run(runner, wire, ["prompt 0", "prompt 1"])
    billed = wire.server.book().billed_nano
    assert runner.spent.purse.held == 0
    assert billed <= runner.spent.purse.spent
    assert billed <= cap


@pytest.mark.parametrize(
    "fault", ["reset-before", "reset-after", "reset-middle", "hang", "truncated", "nested"]
)
def test_what_may_have_been_billed_is_asked_once_more_at_most(wire: Any, fault: str) -> None:
    """A row whose answers get lost costs at most two generations."""
    # A client's first call reads certificates, which may outlast the deadline below.
    wire.ask()
    wire.server.script([fault] * 8)
    _run(_executor(wire, policy=QUICK), wire, ["Why?"])
    assert wire.server.book().requests == 1 + 2


def test_a_mixed_run_is_typed_paid_and_patient(wire: Any) -> None:
    """Under many faults every row ends in an answer or a known kind, and no order is disobeyed."""
    mix = ["ok"] * 8 + ["500", "429", "ok", "reset-after", "truncated", "usage-missing"]
    wire.server.script(["429-seconds", *mix * 3, "429-seconds", *mix * 3])
    runner = _executor(wire, concurrency=6)
    traces = _run(runner, wire, [f"prompt {n}" for n in range(60)])
    book = wire.server.book()
    assert len(traces) == 60
    assert sum(trace.failure is None for trace in traces) > 50
    assert {trace.failure.kind for trace in traces if trace.failure} <= set(Kind) - {
        Kind.ProviderError,
        Kind.StrategyError,
    }
    assert book.peak_in_flight <= 6
    assert book.billed_nano <= runner.spent.purse.spent
    assert book.early(grace=0.1) == ()


def test_a_wrong_key_is_tried_once_for_each_that_was_under_way(wire: Any) -> None:
    """A hundred rows with a wrong key make no more requests than run at once."""
    wire.server.script(["401"] * 100)
    traces = _run(_executor(wire, concurrency=4), wire, [f"prompt {n}" for n in range(100)])
    assert {trace.failure and trace.failure.kind for trace in traces} == {Kind.AuthError}
    assert wire.server.book().requests <= 4


def test_the_key_reaches_the_server_and_no_repr(wire: Any) -> None:
    """It is sent, and shown nowhere."""
    answer = wire.ask()
    assert wire.server.book().entries[-1].key_present
    shown = [repr(wire.provider), str(wire.provider), f"{wire.provider}", repr(answer)]
    assert not [text for text in shown if wire.key in text]


@pytest.mark.parametrize("copying", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_provider_is_never_copied_or_pickled(wire: Any, copying: Any) -> None:
    """What would carry the key elsewhere is refused, without showing it."""
    with pytest.raises(TypeError, match="key") as caught:
        copying(wire.provider)
    assert wire.key not in str(caught.value)


@pytest.mark.parametrize("fault", ["400", "401", "429", "500", "reset-middle", "html", "nested"])
def test_no_rejection_holds_the_key(wire: Any, fault: str) -> None:
    """Neither its text nor its pickle nor a traceback that shows every local variable."""
    wire.server.script([fault])
    with pytest.raises(Rejection) as caught:
        wire.ask()
    no = caught.value
    shown = "".join(traceback.TracebackException.from_exception(no, capture_locals=True).format())
    assert wire.key not in f"{no} {no!r}"
    assert wire.key not in shown
    assert wire.key.encode() not in pickle.dumps(no)


@pytest.mark.parametrize("fault", ["ok", "401", "500", "reset-middle"])
def test_no_log_holds_the_key(wire: Any, fault: str, caplog: pytest.LogCaptureFixture) -> None:
    """Not even the SDK's own log at its most talkative."""
    wire.server.script([fault])
    with caplog.at_level(logging.DEBUG), suppress(Rejection):
        wire.ask()
    assert caplog.records
    assert wire.key not in caplog.text
    assert not [r for r in caplog.records if wire.key in f"{r.__dict__}"]


def test_no_trace_holds_the_key(wire: Any) -> None:
    """What a run gives back can be shown and stored."""
    wire.server.script(["ok", "401"])
    traces = _run(_executor(wire, concurrency=1), wire, ["a", "b"])
    assert wire.key not in repr(traces)
    assert wire.key.encode() not in pickle.dumps(traces)
