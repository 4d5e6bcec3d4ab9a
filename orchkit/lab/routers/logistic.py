"""LogisticRouter: a logistic regression for each model on the wording of the prompt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from orchkit.errors import ParameterError, whole
from orchkit.lab.routers.heads import Heads, crossed
from orchkit.lab.routers.lessons import Floats, Lesson, Prompts, folds_of, lost
from orchkit.lab.routers.router import Router
from orchkit.lab.routers.wording import Encoder, Wording, encoded

#: Strengths that are tried.
STRENGTHS = (0.1, 1.0, 10.0)


@dataclass(eq=False, repr=False)
class LogisticRouter(Router):
    """How likely each model is right, by words, letters and shape of the prompt.

    All models are judged by the same features, so that the difference of two is the expected gain
    of asking the one instead of the other: what predicts that both fail tells nothing.

    Parameters
    ----------
    strength : float, optional
        Inverse strength of the penalty (scikit-learn's C), above 0. None takes the one of 0.1, 1
        and 10 whose expected gains are nearest to the real ones, out of fold.
    encoder : callable, optional
        ``(list of texts) -> array texts × dimensions``, to judge by instead of the wording.
    folds : int
        Folds of the training prompts for that choice, and for `out_of_fold_`; 2 or more. Equal
        texts stay together.

    Examples
    --------
    >>> import orchkit
    >>> df = orchkit.load_dataset("everyday").head(60)
    >>> with orchkit.use("simulator"):
    ...     mat = df.orch.record(["gpt-4o-mini", "gpt-4o"])
    >>> told = LogisticRouter().fit(mat).predict(["What is 2+2?", "Explain tides"])
    >>> told.columns.tolist(), bool(told.stack().between(0, 1).all())
    (['gpt-4o-mini', 'gpt-4o'], True)
    """

    strength: float | None = None
    encoder: Encoder | None = None
    folds: int = 3

    def _learn(self, lesson: Lesson) -> Floats:
        if whole("folds", self.folds) < 2:
            raise ParameterError("folds is 1; there must be 2 or more to hold one out.")
        if self.strength is not None and not self.strength > 0:
            raise ParameterError(f"strength is {self.strength!r}; it must be above 0.")
        self._wording = Wording()
        learn = self._features if self.encoder else self._learned
        features = learn(lesson.prompts)
        fold = folds_of(lesson.prompts.texts, self.folds)
        tried = STRENGTHS if self.strength is None else (self.strength,)
        told = {each: crossed(features, lesson.quality, each, fold) for each in tried}
        self.strength_ = min(told, key=lambda each: lost(told[each], lesson.quality))
        self._heads = Heads.of(features, lesson.quality, self.strength_)
        return told[self.strength_]

    def _tell(self, prompts: Prompts) -> Floats:
        return self._heads.predict(self._features(prompts))

    def _learned(self, prompts: Prompts) -> Any:
        return self._wording.fit_transform(prompts.texts)

    def _features(self, prompts: Prompts) -> Any:
        if self.encoder is not None:
            return encoded(self.encoder, prompts.texts)
        return self._wording.transform(prompts.texts)
