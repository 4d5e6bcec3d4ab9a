"""More ways to tell how sure an answer is: of its tokens, or by asking again.

Those that ask are plans: their calls are ordinary ones, within the budget, cached, and part of
the row's cost and latency. None is a probability until it is fitted to outcomes
(`orchkit.calibrate`); NaN where nothing can be told, and a strategy then escalates.

==================  =======================  =====================================================
signal              it costs                 how well it tells right from wrong (AUROC)
==================  =======================  =====================================================
`min_logprob`       nothing                  0.74 to 0.84 for log-probabilities, where vendors
                                             give them
`agrees_with`       one call a model named   0.80 with one other cheap model, 0.875 with three
                                             (recorded GSM8K answers); 0.60 to 0.72 where answers
                                             are one of four letters
`self_consistency`  `draws` more calls       0.73 with five samples (Xiong et al.)
`verbalised`        a call of a few tokens   0.51 to 0.63 (Xiong et al.); values cluster at 0.8 to 1
`p_true`            a call of a few tokens   0.66 to 0.84; useless with very small models
==================  =======================  =====================================================

Sources: Xiong et al., ICLR 2024, arXiv 2306.13063; Kadavath et al., 2022, arXiv 2207.05221; Gupta
et al., ICLR 2024, arXiv 2404.10136; Wang et al., ICLR 2023, arXiv 2203.11171.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from orchkit.core.calls import Call, Message, Response
from orchkit.core.catalog import model_names
from orchkit.core.confidence import Asking, answer_key, hard_failure
from orchkit.core.plans import Confidence, Query
from orchkit.core.quoting import quoted
from orchkit.errors import ParameterError, whole

#: Tokens that a reply of one number or one word may take.
SHORT = 32
HOW_LIKELY = (
    "How likely is it that your answer above is correct? Reply with one number from 0 (surely "
    "wrong) to 1 (surely right), and nothing else."
)
IS_IT_TRUE = "Is the answer above correct? Reply with one word, True or False, and nothing else."

_SHARE = re.compile(r"(0?\.\d+|[01](?:\.\d*)?)|(\d{1,3}(?:\.\d+)?) ?%")
_EDGES = " \t\r\n*`\"'"


@dataclass(frozen=True)
class LogprobQuantile:
    """A signal: the probability below which a share of the answer's tokens lies ("Chow-Quantile").

    It costs nothing. NaN without log-probabilities. `min_logprob` is that of the least likely
    token: one odd word of a long answer is enough to make it small.

    Parameters
    ----------
    level : float
        The share, in [0, 1]: 0 is the least likely token, 0.5 the median one. Between two tokens
        it is interpolated.

    Notes
    -----
    Source: Gupta et al., ICLR 2024, arXiv 2404.10136.

    Examples
    --------
    >>> LogprobQuantile(0.5)(Query(()), Response("m", "42", logprobs=(0.0, -0.5, -3.0))).value
    0.6065306597126334
    >>> min_logprob(Query(()), Response("m", "42", logprobs=(-0.1, -0.7))).value
    0.4965853037914095
    """

    level: float = 0.1

    def __post_init__(self) -> None:
        if isinstance(self.level, bool) or not 0 <= self.level <= 1:
            raise ParameterError(f"level is {self.level!r}; it must be a number in [0, 1].")

    def __call__(self, _: Query, response: Response) -> Confidence:
        """Return the quantile of one answer."""
        known = sorted(value for value in response.logprobs if not math.isnan(value))
        if not known:
            return Confidence(math.nan, str(self))
        place = self.level * (len(known) - 1)
        low, high = known[math.floor(place)], known[math.ceil(place)]
        part = place - math.floor(place)
        between = (1 - part) * low + part * high if part else low  # 0 times infinity is no number
        return Confidence(min(1.0, math.exp(between)), str(self))

    def __str__(self) -> str:
        return f"logprob_quantile({self.level:g})" if self.level else "min_logprob"


#: The probability of the answer's least likely token.
min_logprob = LogprobQuantile(0.0)


@dataclass(frozen=True)
class AgreesWith:
    """A signal: the share of other models that say the same. Written ``agrees_with("gpt-4o")``.

    Parameters
    ----------
    models : tuple of str
        Whom to ask; of these the model that gave the answer is left out.
    """

    models: tuple[str, ...]

    def __call__(self, query: Query, response: Response) -> Asking:
        """Ask the others the same, at once; return the share that agrees."""
        others = tuple(name for name in self.models if name != response.model)
        if not others or answer_key(response.text or "") is None:
            return Confidence(math.nan, str(self))
        said = yield tuple(query.call(name) for name in others)
        heard = [other for other in said if other.model != response.model]  # by another name
        return Confidence(_alike(response, heard), str(self))

    def __str__(self) -> str:
        return f"agrees_with({', '.join(self.models)})"


def agrees_with(*models: str) -> AgreesWith:
    """Return a signal: whether other models, asked the same, say the same.

    1.0 where all do, 0.0 where none does, a share in between. NaN for free prose, where nobody's
    answer can be compared, and for an answer of the only model named: it would agree with itself.
    So end a chain in another model. The call is one that the chain may make itself: it is bought
    once.

    Parameters
    ----------
    *models : str
        Catalog names; cheap ones do.

    Raises
    ------
    ChainError
        No model is named, or one twice.

    Notes
    -----
    It costs one call of each of these models, asked at the same time. On recorded GSM8K answers it
    tells right from wrong with an AUROC of 0.80 for one other cheap model and 0.875 for three, and
    needs no log-probabilities; where answers are one of four letters, 0.60 to 0.72.

    Examples
    --------
    >>> plan = agrees_with("a", "b")(Query(()), Response("m", "The answer is 42."))
    >>> [call.model for call in next(plan)]
    ['a', 'b']
    >>> try:
    ...     plan.send((Response("a", "42"), Response("b", "41")))
    ... except StopIteration as end:
    ...     end.value.value
    0.5
    """
    return AgreesWith(model_names(models))


@dataclass(frozen=True)
class SelfConsistency:
    """A signal: the share of further samples that say the same. See `self_consistency`."""

    draws: int = 5
    temperature: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "draws", whole("draws", self.draws))
        if self.temperature is not None and not 0 <= self.temperature <= 2:
            raise ParameterError(f"temperature is {self.temperature!r}; it must lie in [0, 2].")

    def __call__(self, query: Query, response: Response) -> Asking:
        """Ask the same model again, at once; return the share that agrees."""
        if answer_key(response.text or "") is None:
            return Confidence(math.nan, str(self))
        warmer = query.params
        if self.temperature is not None:
            warmer = replace(warmer, temperature=self.temperature)
        drawn = range(1, self.draws + 1)
        said = yield tuple(Call(response.model, query.messages, warmer, n) for n in drawn)
        return Confidence(_alike(response, said), str(self))

    def __str__(self) -> str:
        return f"self_consistency({self.draws})"


def self_consistency(draws: int = 5, temperature: float | None = None) -> SelfConsistency:
    """Return a signal: whether the same model, asked again, says the same.

    The share of further samples that agree with the answer. NaN for free prose, and where no
    sample can be compared.

    Parameters
    ----------
    draws : int
        Further samples, asked at the same time.
    temperature : float, optional
        Of the samples; that of the query by default. At 0 they hardly differ, and tell nothing.

    Notes
    -----
    It costs `draws` times what the answer cost. Of recordings only those with as many draws can
    replay it. Five samples: AUROC 0.73 on average, 0.93 on GSM8K (GPT-3.5; Xiong et al., ICLR
    2024, arXiv 2306.13063). It sees doubt, not error: what a model always gets wrong is consistent.

    Examples
    --------
    >>> plan = self_consistency(2)(Query(()), Response("m", "42"))
    >>> [call.draw for call in next(plan)]
    [1, 2]
    """
    return SelfConsistency(draws, temperature)


def verbalised(query: Query, response: Response) -> Asking:
    """Ask the same model how likely its answer is correct: one more turn of the conversation.

    Only a bare number in [0, 1], or a percentage, is read; anything else is NaN.

    Notes
    -----
    It costs the conversation again and up to 32 tokens; a model that thinks before it speaks needs
    more, and then tells nothing. The weakest of the signals that ask: AUROC 0.51 to 0.63, most
    values between 0.8 and 1 (Xiong et al., ICLR 2024, arXiv 2306.13063): never use it uncalibrated.

    Examples
    --------
    >>> plan = verbalised(Query(()), Response("m", "42"))
    >>> call = next(plan)[0]
    >>> try:
    ...     plan.send((Response("m", "85 %"),))
    ... except StopIteration as end:
    ...     end.value.value
    0.85
    """
    (told,) = yield (_asked_of(query, response, HOW_LIKELY),)
    return Confidence(_share(told), "verbalised")


def p_true(query: Query, response: Response) -> Asking:
    """Ask the same model whether its answer is correct; return the probability of "True".

    The probability is that of the word it says, where the provider gives log-probabilities; else 1
    or 0, as it says. Anything but one of the two words is NaN.

    Notes
    -----
    It costs the conversation again and one word. Source: Kadavath et al., 2022, arXiv 2207.05221;
    AUROC 0.84 on TriviaQA and 0.66 on TruthfulQA, the mean of nine models on recorded answers.

    Examples
    --------
    >>> plan = p_true(Query(()), Response("m", "42"))
    >>> call = next(plan)[0]
    >>> try:
    ...     plan.send((Response("m", "False", logprobs=(math.log(0.75),)),))
    ... except StopIteration as end:
    ...     end.value.value
    0.25
    """
    (told,) = yield (_asked_of(query, response, IS_IT_TRUE),)
    word = "" if hard_failure(told) else _bare(told).casefold()
    if word not in ("true", "false"):
        return Confidence(math.nan, "p_true")
    sure = min(1.0, math.exp(sum(told.logprobs)))  # 1 where there are none
    if math.isnan(sure):
        return Confidence(math.nan, "p_true")
    return Confidence(sure if word == "true" else 1 - sure, "p_true")


def _asked_of(query: Query, response: Response, question: str) -> Call:
    """Return the call that goes on with a conversation after its answer."""
    answer = Message("assistant", quoted(response.text or "", query.params.max_tokens))
    short = replace(query.params, max_tokens=min(SHORT, query.params.max_tokens))
    return Call(response.model, (*query.messages, answer, Message("user", question)), short)


def _bare(told: Response) -> str:
    """Return a reply without what may be set around one word or number."""
    return (told.text or "").rstrip(f"{_EDGES}.,").lstrip(_EDGES)


def _share(told: Response) -> float:
    """Return the number a reply consists of; NaN where it is none in [0, 1]."""
    found = None if hard_failure(told) else _SHARE.fullmatch(_bare(told))
    if found is None:
        return math.nan
    value = float(found[1]) if found[1] else float(found[2]) / 100
    return value if value <= 1 else math.nan


def _alike(response: Response, said: Sequence[Response]) -> float:
    """Return the share of usable answers that say the same; NaN where none can be compared."""
    usable = [other for other in said if not hard_failure(other)]
    keys = [answer_key(other.text or "") for other in usable]
    if not any(key is not None for key in keys):
        return math.nan
    return keys.count(answer_key(response.text or "")) / len(keys)
