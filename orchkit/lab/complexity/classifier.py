"""ComplexityClassifier: prompts and their tiers in, a judge of other prompts out."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from orchkit.core.catalog import Tier
from orchkit.errors import MisuseError, OrchkitWarning, ParameterError, tell
from orchkit.lab.complexity import storing
from orchkit.lab.complexity.checking import (
    check_parameters,
    check_shapes,
    labelled,
    ranks_of,
    texts_of,
)
from orchkit.lab.complexity.features import Encoder, Features, Remembering
from orchkit.lab.complexity.judging import Ranks, held_out_errors, no_better

#: From so many labels on, "auto" looks at words; below, what a prompt looks like does as well.
WORDS_FROM = 100
#: Texts that are judged together.
_TOGETHER = 8192


class ComplexityClassifier:
    """Judge how hard prompts are, by tiers that prompts like them were given.

    Words and pairs of words, runs of letters, and what a prompt looks like (lengths, digits,
    symbols, instructing words) go into an ordinal logistic regression. It has the face of
    `KeywordRules` and of a scikit-learn classifier: it can be cloned, put behind a pipeline and
    searched by GridSearchCV.

    Parameters
    ----------
    C : float
        Inverse strength of the penalty, above 0: less trusts the labels less.
    tau : float, optional
        How `predict` decides: the lowest tier that is enough with probability `tau`, P(tier <= k)
        >= tau, in (0, 1]. Taking a prompt for too easy costs an answer, for too hard only money;
        so the default is 0.8, and tiers are over- rather than underestimated. None takes the most
        probable tier, which is what accuracy and kappa reward.
    features : {"auto", "text", "shallow", "encoder"}
        ``"text"``: words, letters and looks. ``"shallow"``: looks alone. ``"encoder"``: nothing
        but the encoder. ``"auto"`` is text from 100 labels on, shallow below.
    encoder : callable, optional
        ``(list of n texts) -> array (n, d)``, like a sentence encoder's ``encode``; beside the
        other features, or instead of them. It is not saved: `load` must be given it again.
    calibrate : {"auto"} or bool
        Whether probabilities are fitted to out-of-fold scores by a sigmoid; "auto" does so from
        500 labels on.
    random_state : int
        Which labels share a fold. Equal input and state give equal numbers.

    Attributes
    ----------
    classes_ : array (4,)
        The tiers' names in their order: the columns of `predict_proba`. A tier no label named has
        probability 0.
    features_ : str
        What "auto" came to.
    n_labels_ : int
    held_out_errors_ : dict or None
        By how many tiers a prompt the likeliest tier errs on labels held out, on average, beside
        the keyword rules, one tier for all, and length alone. Where one of the first two does as
        well, `fit` says so with an OrchkitWarning. Of at most 600 labels, in thirds; None below 50.

    Notes
    -----
    Tools that number labels by the alphabet before they fit (`cross_val_predict` with
    ``predict_proba``, stacking, voting) and metrics that sort names (log loss, weighted kappa)
    misread ordered names. Give them ranks, 0 for basic to 3 for expert, all four of them present.

    Learning needs some hundred labels: with fewer than about 200, prompt length does as well.

    References
    ----------
    Frank and Hall, 2001, "A simple approach to ordinal classification".

    Examples
    --------
    >>> texts = ["Capital of Peru?", "Plural of ox?", "Derive the field equations from the action."]
    >>> judge = ComplexityClassifier(tau=None).fit(texts, ["basic", "basic", "expert"])
    >>> [tier.value for tier in judge.predict(["Plural of mouse?"])]
    ['basic']
    """

    def __init__(
        self,
        *,
        C: float = 5.0,  # noqa: N803 - scikit-learn's name
        tau: float | None = 0.8,
        features: str = "auto",
        encoder: Encoder | None = None,
        calibrate: str | bool = "auto",
        random_state: int = 0,
    ) -> None:
        self.C = C
        self.tau = tau
        self.features = features
        self.encoder = encoder
        self.calibrate = calibrate
        self.random_state = random_state

    def fit(self, texts: Iterable[str], tiers: Iterable[Any]) -> Self:
        """Learn from prompts and their tiers: names, `Tier`, or ranks from 0 to 3.

        Raises
        ------
        ParameterError
            A text is missing or blank, a label is no tier, there are not as many of both, or all
            labels are one tier.
        """
        check_parameters(self)
        prompts = labelled(texts)
        ranks = ranks_of(tiers, len(prompts), several=True)
        encoder = None if self.encoder is None else Remembering(self.encoder)
        self._learn(prompts, ranks, encoder)
        self.held_out_errors_ = held_out_errors(
            prompts, ranks, lambda known, told, asked: self._as_if(known, told, asked, encoder)
        )
        said = no_better(self.held_out_errors_) if self.held_out_errors_ else None
        if said:
            tell(f"This classifier is not worth having yet. {said}", OrchkitWarning)
        return self

    def _as_if(
        self, known: list[str], ranks: Ranks, asked: list[str], encoder: Encoder | None
    ) -> Ranks:
        """Return how one like this, fitted to less, judges: by the likeliest tier."""
        if len(set(ranks.tolist())) < 2:
            return np.full(len(asked), ranks[0], dtype=np.int64)
        changed = {"tau": None, "features": self.features_, "encoder": encoder}
        other = type(self)(**{**self.get_params(), **changed})
        other._learn(known, ranks, encoder)
        return np.array([tier.rank for tier in other.predict(asked)], dtype=np.int64)

    def _learn(self, prompts: list[str], ranks: Ranks, encoder: Encoder | None) -> None:
        from orchkit.lab.complexity.ordinal import OrdinalLogistic

        kind = self._kind(len(prompts))
        learnt = Features.fit(prompts, kind, encoder)
        step = OrdinalLogistic(self.C, calibrate=self.calibrate, random_state=self.random_state)
        step.fit(learnt.transform(prompts, encoder), ranks)
        self._learnt = learnt
        self._ranks = step.classes_
        self._coef = step.coef_.T.copy()
        self._intercept = np.column_stack([step.intercept_, step.sigmoid_])
        self.features_, self.n_labels_ = kind, len(prompts)
        self.classes_ = np.array([tier.value for tier in Tier])

    def predict(self, texts: Iterable[str]) -> list[Tier]:
        """Return one tier a text: the lowest that is enough with probability `tau`.

        Examples
        --------
        >>> judge = ComplexityClassifier().fit(["2+2?", "Prove it, in full."], ["basic", "expert"])
        >>> judge.predict(["3+3?"])[0] <= Tier.EXPERT
        True
        """
        chance = self.predict_proba(texts)
        tiers = list(Tier)
        return [tiers[rank] for rank in self._decided(chance)]

    def predict_proba(self, texts: Iterable[str]) -> NDArray[np.float64]:
        """Return texts × the four tiers in their order: probabilities that sum to 1."""
        from orchkit.lab.complexity.ordinal import posterior

        check_parameters(self)
        self._refuse_unfitted()
        told = texts_of(texts)
        chance = np.zeros((len(told), len(Tier)))
        for start in range(0, len(told), _TOGETHER):
            some = told[start : start + _TOGETHER]
            scores = self._learnt.scores(some, self.encoder, self._coef) + self._intercept[:, 0]
            found = posterior(scores, self._intercept[:, 1:])
            chance[start : start + _TOGETHER, self._ranks] = found
        return chance

    def score(self, texts: Iterable[str], tiers: Iterable[Any]) -> float:
        """Return the share of texts whose predicted tier is the one given, in [0, 1]."""
        found = [tier.rank for tier in self.predict(texts)]
        return float(np.mean(ranks_of(tiers, len(found)) == np.array(found)))

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: ARG002 - nothing is nested
        """Return the parameters by name."""
        return {name: getattr(self, name) for name in _parameters(type(self))}

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name; ParameterError for one there is not."""
        known = _parameters(type(self))
        for name, value in params.items():
            if name not in known:
                raise ParameterError(f"There is no parameter {name!r}; there are {known}.")
            setattr(self, name, value)
        return self

    def save(self, path: str | Path) -> None:
        """Write what was learnt as a .skops file of numbers and words: the encoder is no part.

        Raises StoreError where the path cannot be written.
        """
        self._refuse_unfitted()
        params = self.get_params()
        del params["encoder"]
        told = {
            "params": params,
            "features": self.features_,
            "labels": self.n_labels_,
            "errors": self.held_out_errors_,
        }
        learnt = {"ranks": self._ranks, "coef": self._coef, "intercept": self._intercept}
        plain = json.dumps(told, default=lambda number: number.item())  # numpy's own numbers
        storing.write({"told": plain, **learnt, **self._learnt.state()}, path)

    @classmethod
    def load(cls, path: str | Path, *, encoder: Encoder | None = None) -> Self:
        """Return a saved classifier: the same numbers as where it was saved.

        Nothing in the file is run. One that was fitted with an encoder needs the same one again.

        Raises
        ------
        StoreError
            The file is none of ours, newer, damaged, or made to harm.
        ParameterError
            An encoder is missing, or is not wanted.
        """
        made: Self = storing.read(path, lambda state: _restored(cls, state, encoder))
        needs = made._learnt.encoded is not None
        if needs != (encoder is not None):
            how = "was fitted with an encoder: give load(path, encoder=) the same one"
            told = how if needs else "was fitted without an encoder: leave encoder= out"
            raise ParameterError(f"{path} {told}.")
        return made

    def __repr__(self) -> str:
        plain = _defaults(type(self))
        told = [f"{k}={v!r}" for k, v in self.get_params().items() if repr(v) != repr(plain[k])]
        return f"{type(self).__name__}({', '.join(told)})"

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_learnt")

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

        return Tags(
            estimator_type="classifier",
            target_tags=TargetTags(required=True),
            classifier_tags=ClassifierTags(),
            input_tags=InputTags(string=True, one_d_array=True, two_d_array=False),
            no_validation=True,
        )

    def _kind(self, labels: int) -> str:
        if self.features != "auto":
            return self.features
        return "text" if labels >= WORDS_FROM else "shallow"

    def _decided(self, chance: NDArray[np.float64]) -> list[int]:
        """Return the rank that each row of probabilities comes to."""
        if self.tau is None:
            return [int(rank) for rank in chance.argmax(axis=1)]
        enough = chance.cumsum(axis=1) >= self.tau - 1e-12
        enough[:, self._ranks.max() :] = True  # rounding leaves no row without one
        return [int(rank) for rank in enough.argmax(axis=1)]

    def _refuse_unfitted(self) -> None:
        if not self.__sklearn_is_fitted__():
            raise MisuseError("This classifier has learnt nothing yet. Call fit(texts, tiers).")


def _parameters(kind: type[Any]) -> list[str]:
    return list(_defaults(kind))


def _defaults(kind: type[Any]) -> dict[str, Any]:
    signature = inspect.signature(kind.__init__)
    return {name: p.default for name, p in signature.parameters.items() if name != "self"}


def _restored(kind: type[Any], state: Mapping[str, Any], encoder: Encoder | None) -> Any:
    """Return the classifier of what was read."""
    told = json.loads(state["told"])
    made = kind(**told["params"], encoder=encoder)
    check_parameters(made, restoring=True)
    made._learnt = Features.of(state)
    made._ranks = state["ranks"]
    made._coef, made._intercept = state["coef"], state["intercept"]
    made.features_, made.n_labels_ = str(told["features"]), int(told["labels"])
    made.held_out_errors_ = told["errors"]
    made.classes_ = np.array([tier.value for tier in Tier])
    check_shapes(made)
    return made
