"""The whole way over real SDKs and real sockets; the server's book is the judge."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import pickle
import threading
import traceback
import warnings
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

import pandas as pd
import pytest

import orchkit
from orchkit.errors import OrchkitError, ParameterError
from orchkit.runtime import catalogs
from orchkit.runtime.executor import Executor
from orchkit.testing import LoopbackServer
from orchkit.testing.book import Entry
from orchkit.ui import session
from orchkit.ui.session import SESSION

KEYS = {
    "OPENAI_API_KEY": "oQ7xVb2T-canary-of-openai-5510",
    "ANTHROPIC_API_KEY": "aK9wRm4Z-canary-of-anthropic-8823",
}
VERBS = ("What is", "Explain", "Analyze", "Research")
PROMPTS = [f"{VERBS[n % 4]} number {n}" for n in range(50)]
UNSURE = PROMPTS[::3]
STRATEGIES = pytest.mark.parametrize("strategy", ["cheapest", "fallback", "ensemble"])


def prices() -> dict[str, tuple[float, float]]:
    """Return what the catalog says each model costs, by its name on the wire."""
    models = catalogs.bundled().models.values()
    return {model.wire_name: (model.input_price, model.output_price) for model in models}


def nano(dollars: float) -> int:
    """Return a cost in nano-dollars."""
    return round(dollars * 10**9)


@dataclass
class Vendors:
    """Both vendors, each with a server and a book of its own."""

    openai: LoopbackServer
    anthropic: LoopbackServer

    @property
    def entries(self) -> list[Entry]:
        """Every request either has seen."""
        return [*self.openai.book().entries, *self.anthropic.book().entries]

    @property
    def billed(self) -> int:
        """Nano-dollars either has billed."""
        return sum(entry.billed_nano for entry in self.entries)

    def billed_by_prompt(self) -> dict[str, int]:
        """Return the nano-dollars billed for each prompt."""
        bills: dict[str, int] = defaultdict(int)
        for entry in self.entries:
            bills[entry.prompt] += entry.billed_nano
        return dict(bills)


@pytest.fixture(scope="module")
def vendors() -> Iterator[Vendors]:
    """Start both vendors; they say what they are asked, and of some prompts know nothing."""
    answers = {"echo": True, **dict.fromkeys(UNSURE, "I don't know.")}
    with (
        LoopbackServer(prices(), answers=answers, latency=0.005) as openai,
        LoopbackServer(prices(), answers=answers, latency=0.005) as anthropic,
    ):
        yield Vendors(openai, anthropic)


@pytest.fixture
def live(vendors: Vendors, monkeypatch: pytest.MonkeyPatch) -> Vendors:
    """Give both vendors with empty books, and an environment that leads to them."""
    vendors.openai.reset()
    vendors.anthropic.reset()
    for variable, key in KEYS.items():
        monkeypatch.setenv(variable, key)
    monkeypatch.setenv("OPENAI_BASE_URL", vendors.openai.openai_url)
    monkeypatch.setenv("ANTHROPIC_BASE_URL", vendors.anthropic.anthropic_url)
    return vendors


@pytest.fixture
def executors(monkeypatch: pytest.MonkeyPatch) -> list[Executor]:
    """Give the executors of the runs that follow."""
    made: list[Executor] = []

    def noted(*arguments: Any, **options: Any) -> Executor:
        made.append(Executor(*arguments, **options))
        return made[-1]

    monkeypatch.setattr(session, "Executor", noted)
    return made


@pytest.fixture
def df() -> pd.DataFrame:
    """Give fifty prompts of four tiers under an index with repeats."""
    return pd.DataFrame({"prompt": PROMPTS}, index=[n % 7 for n in range(50)])


@STRATEGIES
def test_costs_are_the_servers_to_the_nano_dollar(
    live: Vendors, df: pd.DataFrame, executors: list[Executor], strategy: str
) -> None:
    """The sum of cost, each row's cost and the run's own count are what was billed."""
    out = df.orch.route(strategy)
    assert out["error"].isna().all()
    assert sum(map(nano, out["cost"])) == live.billed
    assert dict(zip(out["prompt"], map(nano, out["cost"]), strict=True)) == live.billed_by_prompt()
    (executor,) = executors
    assert (executor.spent.purse.spent, executor.spent.purse.held) == (live.billed, 0)
    assert executor.spent.requests == len(live.entries)


@STRATEGIES
def test_both_wires_are_spoken(live: Vendors, df: pd.DataFrame, strategy: str) -> None:
    """Each strategy asks both vendors, each in its own format and with a key."""
    settings = {"ensemble_size": 4} if strategy == "ensemble" else {}
    df.head(8).orch.route(strategy, **settings)
    for name, server in vars(live).items():
        entries = server.book().entries
        assert {entry.wire for entry in entries} == {name}
        assert {entry.outcome for entry in entries} == {"ok"}
        assert all(entry.key_present for entry in entries)


def test_fallback_escalates_where_nobody_knows(live: Vendors, df: pd.DataFrame) -> None:
    """A row whose answers say "I don't know" goes up the chain, and the others stay below."""
    out = df.orch.route("fallback")
    rounds = pd.Series([each["rounds"] for each in out["metadata"]], index=out["prompt"])
    chain = out["fallback_chain"].iloc[0]
    assert len(chain) > 1
    assert set(rounds[UNSURE]) == {len(chain)}
    assert set(rounds.drop(UNSURE)) == {1}
    assert len(live.entries) == rounds.sum()


@STRATEGIES
def test_a_second_run_asks_nobody(live: Vendors, df: pd.DataFrame, strategy: str) -> None:
    """Run again, every row is cached, the same, at the same cost, and 0 requests arrive."""
    few = df.head(16)
    first = few.orch.route(strategy)
    live.openai.reset()
    live.anthropic.reset()
    again = few.orch.route(strategy)
    assert live.entries == []
    assert again["cached"].all()
    same = ["response", "model_used", "cost", "latency", "confidence", "provider"]
    pd.testing.assert_frame_equal(again[same], first[same])


def test_answers_stand_in_their_rows(live: Vendors, df: pd.DataFrame) -> None:
    """Under an index with repeats every prompt has its own answer, in the frame's order."""
    out = df.orch.route("gpt-6-luna")
    pd.testing.assert_index_equal(out.index, df.index)
    wanted = ["I don't know." if prompt in UNSURE else prompt for prompt in PROMPTS]
    assert out["response"].to_list() == wanted


def test_equal_prompts_are_bought_once(live: Vendors, df: pd.DataFrame) -> None:
    """A prompt that stands five times is asked once; every row has the answer and its cost."""
    five = pd.concat([df.head(10)] * 5)
    out = five.orch.route("claude-haiku-4-5")
    assert len(live.entries) == 10
    assert out["response"].notna().all()
    assert out["cached"].sum() == 40
    assert sum(map(nano, out.loc[~out["cached"], "cost"])) == live.billed
    assert out["cost"].to_list() == out["cost"].to_list()[:10] * 5


def test_a_call_strategies_share_is_bought_once(live: Vendors, df: pd.DataFrame) -> None:
    """In a comparison no model is asked the same prompt twice."""
    df.head(8).orch.compare(["cheapest", "fallback", "ensemble", "gpt-6-luna"], cache=False)
    asked = [(entry.model, entry.prompt) for entry in live.entries]
    assert len(asked) == len(set(asked))


def test_it_works_where_a_loop_already_runs(live: Vendors, df: pd.DataFrame) -> None:
    """Called from a coroutine, as in a notebook, a run is answered like anywhere else."""

    async def cell() -> pd.DataFrame:
        return df.orch.route("ensemble")

    out = asyncio.run(cell())
    assert out["error"].isna().all()
    assert sum(map(nano, out["cost"])) == live.billed


def test_two_threads_run_at_once(live: Vendors, df: pd.DataFrame) -> None:
    """Runs in two threads are answered each for itself, and billed in all what both tell."""
    halves, found = [df.head(25), df.tail(25)], dict[int, pd.DataFrame]()

    def run(number: int) -> None:
        found[number] = halves[number].orch.route("fallback")

    threads = [threading.Thread(target=run, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    out = pd.concat([found[0], found[1]])
    assert out["prompt"].to_list() == PROMPTS
    assert out["error"].isna().all()
    assert dict(zip(out["prompt"], map(nano, out["cost"]), strict=True)) == live.billed_by_prompt()


def uncapped(live: Vendors, df: pd.DataFrame, strategy: str) -> dict[str, int]:
    """Return what each prompt is billed where nothing is capped, leaving no trace."""
    df.orch.route(strategy, max_tokens=64, cache=False)
    bills = live.billed_by_prompt()
    live.openai.reset()
    live.anthropic.reset()
    return bills


@STRATEGIES
def test_the_budget_is_never_exceeded(live: Vendors, df: pd.DataFrame, strategy: str) -> None:
    """With half of what it would take, a run at concurrency 32 is billed at most that."""
    few = df.head(32)
    budget = sum(uncapped(live, few, strategy).values()) / 2 / 10**9
    out = few.orch.route(strategy, budget=budget, max_tokens=64, concurrency=32)
    assert 0 < live.billed <= budget * 10**9
    assert live.billed == sum(map(nano, out["cost"]))
    asked = str(out["metadata"].tolist())
    assert "BudgetExceeded" in asked


def test_the_budget_is_used(live: Vendors, df: pd.DataFrame) -> None:
    """A row is refused only when its worst case no longer fits: the rest of the cap is spent."""
    told = df.orch.estimate("gpt-6-luna", max_tokens=64)
    bound = told.worst_cost / 50 / (1 + told.rebuys)
    budget = 4 * bound
    out = df.orch.route("gpt-6-luna", budget=budget, max_tokens=64, concurrency=32)
    assert 0 < out["error"].notna().sum() < 46
    assert (budget - 1.1 * bound) * 10**9 < live.billed <= budget * 10**9


@STRATEGIES
def test_max_cost_is_never_exceeded(live: Vendors, df: pd.DataFrame, strategy: str) -> None:
    """With half of what the dearest row would take, no row at concurrency 32 is billed more."""
    few = df.head(32)
    cap = max(uncapped(live, few, strategy).values()) / 2 / 10**9
    out = few.orch.route(strategy, max_cost=cap, max_tokens=64, concurrency=32)
    bills = live.billed_by_prompt()
    assert 0 < max(bills.values()) <= cap * 10**9
    assert all(
        nano(row) == bills.get(prompt, 0)
        for prompt, row in zip(out["prompt"], out["cost"], strict=True)
    )


@dataclass(frozen=True)
class Chatty:
    """Ask one model forty times at once."""

    name: ClassVar[str] = "chatty"

    def plan(self, query: orchkit.Query, catalog: orchkit.Catalog) -> orchkit.Plan:
        """One round."""
        said = yield tuple(query.call("gpt-6-luna", draw=draw) for draw in range(40))
        return orchkit.Answer(next((response for response in said if response.ok), said[0]))


def test_one_rows_calls_share_its_max_cost(live: Vendors, df: pd.DataFrame) -> None:
    """A row that asks forty times at once is billed at most max_cost, and uses it."""
    two = df.head(2)
    cap = two.orch.estimate("gpt-6-luna", max_tokens=64).worst_cost
    two.orch.route(Chatty(), max_cost=cap, max_tokens=64)
    for billed in live.billed_by_prompt().values():
        assert 0.45 * cap * 10**9 < billed <= cap * 10**9


def test_so_many_requests_are_under_way_at_once(live: Vendors, df: pd.DataFrame) -> None:
    """Concurrency is reached and never exceeded."""
    df.orch.route("gpt-6-luna", concurrency=8)
    assert 1 < live.openai.book().peak_in_flight <= 8


def test_a_refused_key_stops_its_vendor(live: Vendors, df: pd.DataFrame) -> None:
    """After a 401 no more than was under way is sent, and every row says AuthError."""
    live.openai.script(["401"] * 50)
    out = df.orch.route("gpt-6-luna", concurrency=8)
    assert out["error"].str.startswith("AuthError: ").all()
    assert 1 <= live.openai.book().requests <= 8
    assert out["cost"].sum() == live.billed == 0


def test_a_refused_key_leaves_the_other_vendor(live: Vendors, df: pd.DataFrame) -> None:
    """Where one vendor refuses the key, a chain goes on with the other."""
    live.openai.script(["401"] * 50)
    chain = ["gpt-6-luna", "claude-haiku-4-5"]
    out = df.orch.route("fallback", chain=chain, concurrency=8)
    assert out["error"].isna().all()
    assert set(out["model_used"]) == {"claude-haiku-4-5"}
    assert live.openai.book().requests <= 8


@STRATEGIES
@pytest.mark.parametrize("vendor", ["openai", "anthropic"])
def test_with_one_key_only_that_vendor_is_asked(
    live: Vendors, df: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, vendor: str, strategy: str
) -> None:
    """By default only models of the vendor that has a key are planned and asked."""
    (other,) = {"openai", "anthropic"} - {vendor}
    monkeypatch.delenv(f"{other.upper()}_API_KEY")
    out = df.head(8).orch.route(strategy)
    assert out["error"].isna().all()
    assert set(out["provider"]) == {vendor}
    assert getattr(live, other).book().requests == 0
    assert {entry.wire for entry in live.entries} == {vendor}


def test_an_address_in_the_environment_is_honoured(
    live: Vendors, df: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With OPENAI_BASE_URL changed, the next run goes there, and is not answered from before."""
    few = df.head(5)
    few.orch.route("gpt-6-luna")
    monkeypatch.setenv("OPENAI_BASE_URL", live.anthropic.openai_url)
    out = few.orch.route("gpt-6-luna")
    assert not out["cached"].any()
    assert [live.openai.book().requests, live.anthropic.book().requests] == [5, 5]


def test_estimating_a_live_run_sends_nothing(live: Vendors, df: pd.DataFrame) -> None:
    """An estimate asks nobody, and the run it is of stays below its worst case."""
    told = df.orch.estimate("fallback")
    assert live.entries == []
    df.orch.route("fallback")
    assert live.billed <= told.worst_cost * 10**9


def test_one_prompt_is_asked_live(live: Vendors) -> None:
    """run_orchestration asks the vendor and says who answered."""
    result = orchkit.run_orchestration("Explain Docker", "gpt-6-luna")
    assert (result.provider, result.response) == ("openai", "Explain Docker")
    assert nano(result.cost) == live.billed


REPLIES: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": "local",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": "Hello."},
            }
        ],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
    },
    "/v1/messages": {
        "id": "1",
        "type": "message",
        "role": "assistant",
        "model": "local",
        "content": [{"type": "text", "text": "Hello."}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 3, "output_tokens": 2},
    },
}


class Gateway(BaseHTTPRequestHandler):
    """Somebody else's server: it keeps every header, and may repeat them."""

    headers_seen: ClassVar[list[str]] = []
    repeating: ClassVar[bool] = False

    def do_POST(self) -> None:
        """Answer well, or refuse and repeat what came."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.headers_seen.append(str(self.headers))
        refusal = {"error": {"message": f"no: {self.headers['Authorization']}", "type": "auth"}}
        body = json.dumps(refusal if self.repeating else REPLIES[self.path]).encode()
        self.send_response(403 if self.repeating else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@dataclass
class Elsewhere:
    """Where the other server is, and what it has seen."""

    url: str
    seen: list[str] = field(default_factory=list)


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[Elsewhere]:
    """Run somebody else's server on this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
    place = Elsewhere(f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr(Gateway, "headers_seen", place.seen)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield place
    server.shutdown()
    thread.join()
    server.server_close()


def added(vendor: str, place: Elsewhere, **known: Any) -> str:
    """Add a model that somebody else serves, and return its name."""
    url = {"openai": f"{place.url}/v1", "anthropic": place.url}[vendor]
    orchkit.add_model(
        "local", provider=vendor, base_url=url, input_price=0, output_price=0, **known
    )
    return "local"


EITHER = pytest.mark.parametrize("vendor", ["openai", "anthropic"])


@EITHER
def test_a_model_elsewhere_needs_no_key(elsewhere: Elsewhere, vendor: str) -> None:
    """With an address and no key anywhere, a model is asked live and answers."""
    result = orchkit.run_orchestration("Hello?", added(vendor, elsewhere))
    assert (result.response, result.provider, result.cost) == ("Hello.", vendor, 0)


@pytest.mark.usefixtures("live")
@EITHER
def test_a_vendors_key_stays_with_the_vendor(elsewhere: Elsewhere, vendor: str) -> None:
    """A model elsewhere is never sent the key of the vendor whose format it speaks."""
    orchkit.run_orchestration("Hello?", added(vendor, elsewhere))
    assert len(elsewhere.seen) == 1
    assert leaks("".join(elsewhere.seen)) == []


@pytest.mark.parametrize("vendor", ["openai", "anthropic"])
def test_a_model_without_a_key_is_sent_none(live: Vendors, vendor: str) -> None:
    """The server's book says that no key at all came with a call that has none."""
    url = {"openai": live.openai.openai_url, "anthropic": live.openai.anthropic_url}[vendor]
    known = {"base_url": url, "id": "gpt-6-luna", "input_price": 0, "output_price": 0}
    orchkit.add_model("local", provider=vendor, **known)
    assert orchkit.run_orchestration("Hello?", "local").error is None
    assert [entry.key_present for entry in live.openai.book().entries] == [False]


@pytest.mark.usefixtures("live")
@EITHER
def test_a_key_of_its_own_is_sent(
    elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch, vendor: str
) -> None:
    """The key in the variable that a model names goes to that model's address."""
    monkeypatch.setenv("LOCAL_KEY", "key-of-its-own")
    orchkit.run_orchestration("Hello?", added(vendor, elsewhere, key_env="LOCAL_KEY"))
    assert "key-of-its-own" in elsewhere.seen[0]
    assert leaks(elsewhere.seen[0]) == []


@pytest.mark.usefixtures("live")
@EITHER
def test_what_the_sdk_reads_elsewhere_stays_with_the_vendor(
    elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch, vendor: str
) -> None:
    """Headers, tokens and accounts set for a vendor's SDK do not go to another's server."""
    for variable in (
        "OPENAI_ORG_ID",
        "OPENAI_PROJECT_ID",
        "OPENAI_ADMIN_KEY",
        "ANTHROPIC_AUTH_TOKEN",
    ):
        monkeypatch.setenv(variable, f"secret-of-{variable}")
    for variable in ("OPENAI_CUSTOM_HEADERS", "ANTHROPIC_CUSTOM_HEADERS"):
        monkeypatch.setenv(variable, f"X-Gateway-Key: secret-of-{variable}")
    orchkit.run_orchestration("Hello?", added(vendor, elsewhere))
    assert len(elsewhere.seen) == 1
    assert "secret-of" not in elsewhere.seen[0]


def leaks(*told: object) -> list[str]:
    """Return the keys that are found in what was told, in any of the forms they take."""
    pieces = [piece if isinstance(piece, bytes) else str(piece).encode() for piece in told]
    return [
        variable
        for variable, key in KEYS.items()
        for form in (key[:8], quote(key), base64.b64encode(key.encode()).decode()[:16])
        if any(form.encode() in piece for piece in pieces)
    ]


def read(folder: Path) -> list[bytes]:
    """Return what the files below a folder hold."""
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("form", [str, str.encode, quote, lambda key: [repr(key)]])
def test_the_search_for_keys_finds_them(form: Any) -> None:
    """A key that is planted is found, so that finding none means something."""
    assert leaks("nothing", form(KEYS["OPENAI_API_KEY"])) != []
    assert leaks(base64.b64encode(KEYS["ANTHROPIC_API_KEY"].encode())) == ["ANTHROPIC_API_KEY"]


def test_keys_appear_nowhere(
    live: Vendors, df: pd.DataFrame, caplog: pytest.LogCaptureFixture, own_home: Path
) -> None:
    """Neither results, nor logs at DEBUG, nor warnings, nor files hold a key, whatever happens."""
    caplog.set_level(logging.DEBUG)
    few = df.head(12)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        good = few.orch.route("ensemble")
        live.openai.script(["400", "403", "404"])
        live.anthropic.script(["401", "refusal", "html"])
        bad = few.orch.route("fallback", cache=False, concurrency=1)
        found = few.head(2).orch.compare(["gpt-6-luna", "gpt-4"])
    assert good["error"].isna().all()
    assert "AuthError" in str(bad["metadata"].tolist())
    assert len(caplog.records) > 10
    assert caught
    frames = [good, bad, found.results, orchkit.models()]
    told = [*frames, *(frame.to_dict("records") for frame in frames), *map(pickle.dumps, frames)]
    told += [found, found._repr_html_(), SESSION, SESSION.settings, SESSION.catalog()]
    told += [caplog.text, *(record.__dict__ for record in caplog.records)]
    told += [warning.message for warning in caught]
    assert leaks(*told, *read(own_home)) == []


def test_a_key_is_not_repeated_after_a_server(
    elsewhere: Elsewhere, df: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that says in its refusal what it was sent does not put the key into a result."""
    monkeypatch.setenv("OPENAI_API_KEY", KEYS["OPENAI_API_KEY"])
    monkeypatch.setenv("OPENAI_BASE_URL", f"{elsewhere.url}/v1")
    monkeypatch.setattr(Gateway, "repeating", True)
    out = df.head(1).orch.route("gpt-6-luna")
    assert out["error"].str.startswith("AuthError").all()
    assert leaks(out.to_dict("records")) == []


@pytest.mark.usefixtures("live")
def test_keys_appear_in_no_traceback(df: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    """A traceback that shows every local variable shows no key."""
    monkeypatch.setenv("OPENAI_BASE_URL", "http://example.com/v1")
    with pytest.raises(ParameterError) as caught:
        df.orch.route("gpt-6-luna")
    seen = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    ours = [frame for frame in seen.stack if frame.filename.startswith(str(_package()))]
    assert ours
    assert leaks(*(frame.locals for frame in ours), caught.value) == []


@pytest.mark.usefixtures("live")
def test_keys_appear_in_nothing_a_debugger_shows(df: pd.DataFrame) -> None:
    """The session's own attributes, printed, hold no key."""
    df.head(2).orch.route("gpt-6-luna")
    assert leaks(vars(SESSION)) == []


def test_what_is_open_is_never_pickled(live: Vendors, df: pd.DataFrame) -> None:
    """Results travel between processes; providers, which hold keys, refuse to."""
    out = df.head(2).orch.route("gpt-6-luna")
    pd.testing.assert_frame_equal(pickle.loads(pickle.dumps(out)), out)  # noqa: S301 - our own
    for provider in SESSION._opened.values():
        with pytest.raises(TypeError, match="never pickled"):
            pickle.dumps(provider)


def test_errors_of_ours_are_ours(live: Vendors, df: pd.DataFrame) -> None:
    """Misuse on the way to a vendor is an OrchkitError without a cause that could hold a key."""
    with pytest.raises(OrchkitError) as caught:
        df.orch.route("gpt-6-lnua")
    assert caught.value.__cause__ is None


def _package() -> Path:
    return Path(orchkit.__file__).parent
