"""Ensemble: several models at once, keep the best answer."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

from orchkit.core.calls import Call, Failure, Kind, Response
from orchkit.core.catalog import Catalog, Model, Tier, model_names
from orchkit.core.confidence import Signal, agreement, answer_key, hard_failure, judge
from orchkit.core.fitted import Fitted, Recording, tuned
from orchkit.core.judging import Judge
from orchkit.core.plans import Answer, Confidence, Plan, Query
from orchkit.core.repeating import heard
from orchkit.errors import ParameterError, whole

#: How much an answer's confidence counts, by its model's tier: "confidence + capability".
CAPABILITY: Mapping[Tier, float] = {
    Tier.BASIC: 0.7,
    Tier.INTERMEDIATE: 0.8,
    Tier.ADVANCED: 0.9,
    Tier.EXPERT: 1.0,
}


@dataclass(frozen=True, slots=True)
class Ballot:
    """One usable answer: who gave it, how sure, and the share of answers that say the same."""

    model: Model
    response: Response
    confidence: Confidence
    share: float

    @property
    def said(self) -> str:
        """What the answer comes down to; its model where it cannot be compared."""
        return answer_key(self.response.text or "") or f"only {self.model.name}"

    @property
    def sure(self) -> float:
        """Its own confidence; unknown counts as nothing."""
        return 0.0 if math.isnan(self.confidence.value) else self.confidence.value

    @property
    def capable(self) -> float:
        """The weight of its model's tier."""
        return CAPABILITY[self.model.tier]

    @property
    def agreed(self) -> float:
        """The share of answers that agree; 1 where answers cannot be compared."""
        return 1.0 if math.isnan(self.share) else self.share


def by_confidence(ballots: list[Ballot]) -> Ballot:
    """Agreement times own confidence times capability; ties to the stronger, then the cheaper.

    Where all confidences are calibrated capability does not count: they are probabilities of being
    right, which know how capable their models are.
    """
    known = all(ballot.confidence.calibrated for ballot in ballots)
    return max(
        ballots, key=lambda b: (b.agreed * b.sure * (1 if known else b.capable), *_seniority(b))
    )


def by_majority(ballots: list[Ballot]) -> Ballot:
    """Plurality; a tie goes to the answer backed by the most capable model, then the cheapest."""
    return max(ballots, key=lambda b: (b.agreed, *_seniority(b)))


def by_weight(ballots: list[Ballot]) -> Ballot:
    """Answers weighted by the log-odds of their models' confidences, capped at 0.95.

    An unknown confidence weighs nothing.

    Source: Nitzan and Paroush, 1982 (optimal for independent voters).
    """
    weights: dict[str, float] = defaultdict(float)
    for ballot in ballots:
        p = 0.5 if math.isnan(ballot.confidence.value) else min(max(ballot.sure, 0.05), 0.95)
        weights[ballot.said] += math.log(p / (1 - p))
    # Rounded, or the order of the sum would decide a tie.
    return max(ballots, key=lambda b: (round(weights[b.said], 9), *_seniority(b)))


SELECT: Mapping[str, Callable[[list[Ballot]], Ballot]] = {
    "confidence": by_confidence,
    "majority": by_majority,
    "weighted": by_weight,
}
#: The way of choosing that asks: it is no function of the ballots alone.
JUDGED = "judge"
Choosing = Generator[
    tuple[Call, ...], tuple[Response, ...], tuple[Ballot | Failure, dict[str, object]]
]


@dataclass(frozen=True)
class Ensemble:
    """Ask several models at the same time and keep the best answer.

    Parameters
    ----------
    size : int
        How many models: the default chain from its foot, then the others by price.
    models : tuple of str, optional
        The models themselves, instead of `size`.
    select : {"confidence", "majority", "weighted", "judge"}
        How the answer is chosen.
    confidence : callable, optional
        A signal ``(query, response) -> float in [0, 1]``; by default the best the response carries.
    judge : str or Judge, optional
        With ``select="judge"``: the model that compares answers where they differ. It sees them
        without names, quoted, and in both orders, which is two calls more; where it contradicts
        itself, confidence decides between its two choices. Without a verdict that can be read the
        row has no answer, and its error says why; with ``Judge(..., otherwise="confidence")``
        confidence decides, and the row's metadata has a `judge_failure`. Answers that come to the
        same are one to it; with a rubric, which may be about wording, only equal texts are. No
        recording holds its verdicts: compare it live.
    fitted : Fitted, optional
        What `fit` remembers.

    Notes
    -----
    The answer's confidence is the share of models that gave it, where answers can be compared
    (a number, a letter, a few words, a marked final answer), and its own signal otherwise.

    Raises
    ------
    ParameterError
        `size` is not a positive whole number, `select` is unknown, or there is a judge without
        ``select="judge"``, or none with it.
    ChainError
        `models` is empty or names a model twice.

    Examples
    --------
    >>> import orchkit
    >>> with orchkit.use("simulator"):
    ...     result = orchkit.run_orchestration("What is 2+2?", strategy=Ensemble(2))
    >>> result.ensemble_models
    ['gpt-4o-mini', 'claude-haiku-3.5']
    """

    size: int = 3
    models: tuple[str, ...] | None = None
    select: str = "confidence"
    confidence: Signal | None = None
    judge: Judge | str | None = None
    fitted: Fitted | None = field(default=None, compare=False, repr=False)
    name: ClassVar[str] = "ensemble"

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", whole("ensemble_size", self.size))
        if self.select not in (*SELECT, JUDGED):
            known = ", ".join(map(repr, (*SELECT, JUDGED)))
            raise ParameterError(f"select is {self.select!r}; it must be one of {known}.")
        if (self.select == JUDGED) != (self.judge is not None):
            raise ParameterError(
                f"select is {self.select!r} and judge is {self.judge!r}; write both, like "
                'Ensemble(select="judge", judge="gpt-4o"), or no judge.'
            )
        if isinstance(self.judge, str):
            object.__setattr__(self, "judge", Judge(self.judge))
        if self.models is not None:
            object.__setattr__(self, "models", model_names(self.models))

    @classmethod
    def fit(
        cls,
        matrix: Recording,
        *,
        budget: float | None = None,
        max_loss: float | None = None,
        models: Sequence[str] | None = None,
        sizes: Sequence[int] = (2, 3),
        selects: Sequence[str] = tuple(SELECT),
        caution: float = 1.0,
        test: float = 0.5,
        seed: int = 0,
        groups: Any = None,
    ) -> Self:
        """Return the members and the way of choosing that do best on recorded responses.

        Searched on one part of the prompts, measured on the other beside the best member alone;
        warns where the ensemble is not shown to beat it.

        Parameters
        ----------
        matrix : ResponseMatrix
            With qualities, costs and, for votes, responses.
        budget, max_loss : float, optional
            As in `Fallback.fit`; with neither, the best quality at whatever cost.
        sizes : sequence of int
            How many members are tried.
        selects : sequence of {"confidence", "majority", "weighted"}
            Which ways of choosing are tried.

        The other parameters are those of `Fallback.fit`.

        Returns
        -------
        Ensemble
            With a `fitted` whose `reference` is its best member.

        Warns
        -----
        OrchkitWarning
            The ensemble is not shown to beat its best member.

        Examples
        --------
        >>> import orchkit, warnings
        >>> df = orchkit.load_dataset("everyday")
        >>> with orchkit.use("simulator"):
        ...     mat = df.orch.record(["gpt-4o-mini", "gpt-4o", "claude-sonnet-3.5"])
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore")
        ...     tuned = Ensemble.fit(mat)
        >>> tuned.fitted.n_test
        132
        """
        found: Self = tuned(
            cls,
            matrix,
            budget=budget,
            max_loss=max_loss,
            models=models,
            sizes=sizes,
            selects=selects,
            caution=caution,
            test=test,
            seed=seed,
            groups=groups,
        )
        return found

    def plan(self, query: Query, catalog: Catalog) -> Plan:
        """One round of all calls; with a judge another, where answers differ."""
        judge_ = _known(self.judge, catalog)
        planned = catalog.distinct(self.models) if self.models else catalog.committee(self.size)
        models = [catalog[name] for name in planned]
        calls = tuple(query.call(name) for name in planned)
        responses = yield calls
        ballots, asked = list[Ballot](), heard(calls, responses, self.confidence)
        for model, response, share in zip(models, responses, agreement(responses), strict=True):
            if not hard_failure(response):
                confidence = yield from judge(self.confidence, query, response, asked)
                ballots.append(Ballot(model, response, confidence, share))
        if not ballots:
            return _nobody(responses, planned)
        won, notes = yield from _chosen(query, ballots, judge_ or self.select)
        voters, notes = tuple(b.model.name for b in ballots), _votes(ballots) | notes
        if isinstance(won, Failure):
            return Answer(None, Confidence(0.0, "failure"), planned, voters, won, notes)
        return Answer(won.response, _agreed(won), planned, voters, notes=notes)


def _known(judge: Judge | str | None, catalog: Catalog) -> Judge | None:
    """Return the judge under its catalog name: a model nobody knows shows before all else."""
    return replace(judge, model=catalog[judge.model].name) if isinstance(judge, Judge) else None


def _chosen(query: Query, ballots: list[Ballot], by: Judge | str) -> Choosing:
    """Return the ballot that wins, or why none does, and what to note: by count, or a judge."""
    if isinstance(by, str):
        return SELECT[by](ballots), {}
    alike: dict[str, list[Ballot]] = defaultdict(list)
    for ballot in ballots:
        text = ballot.response.text or ""
        alike[text if by.rubric else answer_key(text) or text].append(ballot)
    standing = [by_confidence(each) for each in alike.values()]
    if len(standing) == 1:  # nothing to choose from
        return standing[0], {"judge": by.model}
    verdict = yield from by.choose(query, [ballot.response.text or "" for ballot in standing])
    if verdict.failure:
        failed: dict[str, object] = {"judge": by.model, "judge_failure": str(verdict.failure)}
        return by_confidence(ballots) if by.otherwise else verdict.failure, failed
    votes = {b.model.name: share for b, share in zip(standing, verdict.votes, strict=True)}
    ahead = [b for b in standing if votes[b.model.name] == max(verdict.votes)]
    return by_confidence(ahead), {"judge": by.model, "judge_votes": votes}


def _seniority(ballot: Ballot) -> tuple[float, float]:
    return ballot.capable, -ballot.model.blended


def _agreed(won: Ballot) -> Confidence:
    return won.confidence if math.isnan(won.share) else Confidence(won.share, "agreement")


def _votes(ballots: list[Ballot]) -> dict[str, object]:
    shares = {b.model.name: None if math.isnan(b.share) else b.share for b in ballots}
    return {"ensemble_size": len(ballots), "agreement": shares}


def _nobody(responses: tuple[Response, ...], planned: tuple[str, ...]) -> Answer:
    """Nobody gave a usable answer: keep a truncated one, else say why there is none."""
    cut = [response for response in responses if response.ok]
    if cut:
        return Answer(cut[-1], Confidence(0.0, "failure"), planned)
    failures = [response.problem for response in responses if response.problem]
    told = [failure for failure in failures if failure.kind is not Kind.BudgetExceeded]
    return Answer(
        None, Confidence(0.0, "failure"), planned, failure=told[-1] if told else failures[0]
    )
