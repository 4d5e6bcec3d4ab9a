import math
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchkit.core.calls import Call, Kind, Message, Params, Response, Usage
from orchkit.core.catalog import Catalog, Model, Rates, Tier
from orchkit.core.confidence import auto, hard_failure
from orchkit.core.plans import Query
from orchkit.errors import NotRecorded, UnknownModelError
from orchkit.lab import replaying
from orchkit.lab.matrix import Matrix
from orchkit.lab.replaying import RecordedRow, response_of

#: One dollar per million tokens makes a token cost 1,000 nano-dollars.
ONE = (Rates(1, 1),)
CATALOG = Catalog(
    {
        "small": Model("small", "replay", Tier.BASIC, ONE),
        "large": Model("large", "replay", Tier.EXPERT, ONE),
        "unpriced": Model("unpriced", "replay", Tier.EXPERT),
    },
    ("small", "large"),
    {"big": "large"},
)
HI = (Message("user", "hi"),)
#: Two bytes, sixteen around the message, sixteen around the conversation, and ten to answer.
BOUND = (2 + 16 + 16 + 10) * 1000
NAN = math.nan


def _call(model: str, draw: int = 0) -> Call:
    return Call(model, HI, Params(max_tokens=10), draw)


def _matrix(*rows: tuple[str, str, float]) -> Matrix:
    """Return a matrix of prompt, model and cost in nano-dollars."""
    frame = pd.DataFrame(rows, columns=["prompt_id", "model", "cost"])
    return Matrix(frame.assign(cost=frame["cost"] / 1e9, response="yes"))


def _row(*cells: tuple[str, float], cap: int | None = None) -> RecordedRow:
    """Return the row of one prompt whose models cost so many nano-dollars."""
    return RecordedRow(_matrix(*(("q", *cell) for cell in cells)).cells, 0, CATALOG, cap)


def _kinds(row: RecordedRow, *models: str) -> list[Kind | None]:
    responses = row.answer(tuple(map(_call, models)))
    return [response.failure and response.failure.kind for response in responses]


def _cell(**known: Any) -> Response:
    told = {
        "model": "small",
        "text": "yes",
        "quality": 1.0,
        "cost": 0.5,
        "read": 3.0,
        "written": 4.0,
        "latency": 0.25,
        "confidence": 0.75,
        "finish": "stop",
    }
    return response_of(**{**told, **known})


def test_a_cell_becomes_the_response_it_was() -> None:
    """Text, tokens, cost in nano-dollars, latency, confidence and quality are those recorded."""
    assert _cell() == Response(
        "small",
        "yes",
        Usage(3, 4),
        cost=500_000_000,
        latency=0.25,
        confidence=0.75,
        provider="replay",
        extra={"quality": 1.0},
    )


def test_what_was_not_recorded_stays_unknown() -> None:
    """Without cost, latency, tokens and quality a response has none, rather than zero quality."""
    cell = _cell(cost=NAN, latency=NAN, read=NAN, written=NAN, quality=NAN, confidence=NAN)
    assert cell.cost is None
    assert math.isnan(cell.latency)
    assert cell.usage == Usage()
    assert cell.confidence is None
    assert cell.extra == {}


@given(st.integers(0, 10**14))
def test_costs_come_back_to_the_nano_dollar(nano: int) -> None:
    """Dollars in a frame are exact integers again, up to a hundred thousand dollars a call."""
    assert _cell(cost=nano / 1e9).cost == nano


@pytest.mark.parametrize(
    ("finish", "told"),
    [
        ("stop", "stop"),
        ("end_turn", "stop"),
        (None, "stop"),
        (NAN, "stop"),
        (pd.NA, "stop"),
        ("length", "length"),
        ("max_tokens", "length"),
        ("refusal", "refusal"),
        ("content_filter", "refusal"),
    ],
)
def test_how_it_finished_is_said_in_one_vocabulary(finish: Any, told: str) -> None:
    """Both vendors' words for truncated and refused are understood; silence is a full stop."""
    assert _cell(finish=finish).finish == told


@pytest.mark.parametrize("finish", ["length", "content_filter"])
def test_a_recorded_stump_is_no_answer(finish: str) -> None:
    """A truncated or refused recording is a hard failure, however confident it was."""
    assert auto(Query(HI), _cell(finish=finish)).value == 0


@pytest.mark.parametrize("text", [None, NAN, pd.NA])
def test_a_confidence_without_text_is_enough(text: Any) -> None:
    """A recording of qualities and confidences alone can be judged by its confidence."""
    cell = _cell(text=text)
    assert cell.text == ""
    assert not hard_failure(cell)
    assert auto(Query(HI), cell).value == 0.75


def test_neither_text_nor_confidence_is_unknown_rather_than_blank() -> None:
    """Of an answer of which nothing was recorded nothing is known, not even that it failed."""
    cell = _cell(text=pd.NA, confidence=NAN)
    assert not hard_failure(cell)
    assert math.isnan(auto(Query(HI), cell).value)


def test_a_text_without_confidence_is_judged_by_its_wording() -> None:
    """Where no confidence was recorded, the text speaks."""
    assert auto(Query(HI), _cell(text="I don't know.", confidence=NAN)).signal == "wording"


def test_a_blank_text_is_blank() -> None:
    """A recorded empty answer is a failure, unlike one that was not recorded."""
    assert hard_failure(_cell(text=" ", confidence=NAN))


def test_calls_are_answered_in_their_order() -> None:
    """One response a call, each the called model's, by alias too."""
    told = _row(("small", 1), ("large", 2)).answer((_call("big"), _call("small"), _call("large")))
    assert [(response.model, response.cost) for response in told] == [
        ("large", 2),
        ("small", 1),
        ("large", 2),
    ]


def test_a_row_answers_for_its_own_prompt() -> None:
    """The same model's answers to other prompts are not mixed up."""
    matrix = _matrix(("q1", "small", 1), ("q2", "small", 2))
    for prompt, cost in ((0, 1), (1, 2)):
        (told,) = RecordedRow(matrix.cells, prompt, CATALOG, None).answer((_call("small"),))
        assert told.cost == cost


@settings(max_examples=60)
@given(
    rows=st.lists(st.tuples(st.integers(0, 8), st.sampled_from("abc"), st.booleans()), max_size=40),
    size=st.integers(1, 10),
    seed=st.randoms(use_true_random=False),
)
def test_cells_are_those_of_the_table(rows: list[Any], size: int, seed: Any) -> None:
    """Whatever the order in which cells are asked for, each holds its rows, in their order."""
    wanted: dict[tuple[int, str], list[int]] = {}
    positions = list(dict.fromkeys(prompt for prompt, _, _ in rows))
    for number, (prompt, model, failed) in enumerate(rows):
        if not failed:
            wanted.setdefault((positions.index(prompt), model), []).append(number)
    frame = pd.DataFrame(rows, columns=["prompt_id", "model", "error"])
    frame["error"] = frame["error"].map({True: "Timeout", False: None})
    cells = Matrix(frame.assign(input_tokens=range(len(rows)), response="yes")).cells
    keys = [(prompt, model) for prompt in range(-1, 10) for model in "abcd"]
    seed.shuffle(keys)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replaying, "_STRETCH", size)
        found = {key: cells.get(key) for key in keys}
        assert set(cells) == set(wanted)
        assert len(cells) == len(wanted)
    told = {
        key: [each.usage.input_tokens for each in drawn] for key, drawn in found.items() if drawn
    }
    assert told == wanted


def test_draws_are_told_apart() -> None:
    """Several recorded samples are drawn in their order, and no further."""
    row = _row(("small", 1), ("small", 2))
    assert [row.answer((_call("small", draw),))[0].cost for draw in (0, 1)] == [1, 2]
    with pytest.raises(NotRecorded, match=r"small to this prompt \(draw 2\)"):
        row.answer((_call("small", 2),))


def test_what_was_not_recorded_is_said() -> None:
    """A model without a cell for this prompt is named."""
    with pytest.raises(NotRecorded, match=r"no response of large to this prompt$"):
        _row(("small", 1)).answer((_call("large"),))


def test_a_model_nobody_knows_is_misuse() -> None:
    """A model that is not in the recording at all is a name nobody knows."""
    with pytest.raises(UnknownModelError, match="No model 'huge'"):
        _row(("small", 1)).answer((_call("huge"),))


@pytest.mark.parametrize(
    ("cap", "told"),
    [(BOUND, None), (BOUND - 1, Kind.BudgetExceeded), (0, Kind.BudgetExceeded), (None, None)],
)
@pytest.mark.parametrize("cost", [0, 1, 10 * BOUND])
def test_the_limit_is_decided_on_the_bound(cap: int | None, told: Kind | None, cost: int) -> None:
    """A call fits when its worst case does, whatever it turned out to cost."""
    assert _kinds(_row(("small", cost), cap=cap), "small") == [told]


@pytest.mark.parametrize(("first", "told"), [(0, None), (1000, None), (1001, Kind.BudgetExceeded)])
def test_what_was_spent_is_settled_at_the_recorded_cost(first: int, told: Kind | None) -> None:
    """After a call the row has less by what it cost, not by what it could have cost."""
    row = _row(("small", first), ("large", 0), cap=BOUND + 1000)
    assert _kinds(row, "small") == [None]
    assert _kinds(row, "large") == [told]


def test_calls_of_one_round_share_the_limit() -> None:
    """Calls made together are settled one after the other."""
    row = _row(("small", 1001), ("large", 0), cap=BOUND + 1000)
    assert _kinds(row, "small", "large") == [None, Kind.BudgetExceeded]


def test_a_refused_call_costs_nothing() -> None:
    """A call that did not fit leaves the limit as it was."""
    row = _row(("small", 0), cap=BOUND - 1)
    (told,) = row.answer((_call("small"),))
    assert (told.cost, row.left) == (0, BOUND - 1)


def test_a_call_of_unknown_cost_is_settled_at_its_bound() -> None:
    """What is not known to have been cheaper is presumed spent, as in a live run."""
    row = _row(("small", NAN), ("large", 0), cap=2 * BOUND - 1)
    assert _kinds(row, "small") == [None]
    assert _kinds(row, "large") == [Kind.BudgetExceeded]


def test_a_model_without_a_price_never_fits_a_limit() -> None:
    """Under a limit, what may cost anything is not asked; without one it is."""
    assert _kinds(_row(("unpriced", 0), cap=10**18), "unpriced") == [Kind.BudgetExceeded]
    assert _kinds(_row(("unpriced", 0)), "unpriced") == [None]
