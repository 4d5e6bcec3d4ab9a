"""What holds for every router."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.metrics import roc_auc_score

from orchkit.errors import MatrixError, OrchkitWarning, ParameterError, UnknownModelError
from orchkit.lab.matrix import Matrix
from orchkit.lab.metrics import utility_curve
from orchkit.lab.metrics.utilities import chosen
from orchkit.lab.routers import (
    BlendRouter,
    GroupMeanRouter,
    KNNRouter,
    LengthRouter,
    LogisticRouter,
    Router,
)
from orchkit.lab.routers.lessons import Lesson
from orchkit.lab.routers.novelty import Novelty
from tests.lab.routers.conftest import TOPICS, made


def letters(texts: list[str]) -> Any:
    """Return a tiny embedding."""
    return [[text.count(letter) for letter in "aeiox"] for text in texts]


EVERY = (
    LengthRouter(),
    KNNRouter(k=20),
    KNNRouter(),
    KNNRouter(k=5, encoder=letters),
    LogisticRouter(),
    LogisticRouter(strength=1.0, encoder=letters),
    BlendRouter([LengthRouter(), KNNRouter(k=20)]),
    BlendRouter([LengthRouter(), KNNRouter(k=20)], way="logit"),
)
every = pytest.mark.parametrize("router", EVERY, ids=repr)
NEW = ["solve the polynomial for x", "which king ruled the empire", "write a python function"]


@every
def test_it_has_one_face(router: Router, small: Matrix) -> None:
    """Fitting returns the router; it predicts texts × models in [0, 1], and USD above 0."""
    fitted = clone(router).fit(small)
    assert isinstance(fitted, Router)
    told, cost = fitted.predict(NEW), fitted.predict_cost(NEW)
    assert told.columns.tolist() == cost.columns.tolist() == ["small", "large"]
    assert told.shape == (3, 2)
    assert ((told >= 0) & (told <= 1)).all(axis=None)
    assert (cost["large"] > cost["small"]).all()
    assert (fitted.n_, fitted.models_) == (150, ("small", "large"))
    assert len(fitted.date_) == len("2026-11-25")
    assert fitted.out_of_fold_.shape == (150, 2)
    assert fitted.predict([]).shape == (0, 2)


@every
def test_it_is_deterministic(router: Router, small: Matrix) -> None:
    """Fitted again on the same recording it says exactly the same."""
    one, other = clone(router).fit(small), clone(router).fit(small)
    assert one.predict(NEW).equals(other.predict(NEW))
    assert np.array_equal(one.out_of_fold_, other.out_of_fold_)


@every
def test_it_is_cloned_like_an_estimator(router: Router) -> None:
    """A clone has equal parameters and nothing learned; parameters are set by name."""
    copy = clone(router)
    assert repr(copy) == repr(router)
    with pytest.raises(ParameterError, match="is not fitted"):
        copy.predict(["?"])
    with pytest.raises(ParameterError, match="no parameter 'depth'"):
        copy.set_params(depth=3)
    for name, value in copy.get_params(deep=False).items():
        assert copy.set_params(**{name: value}) is copy


@every
def test_it_tells_topics_apart(router: Router) -> None:
    """On new prompts of made-up topics its gains are better than chance, unless it goes by length.

    Chance is the mean gain for all: the squared error of gains must be below its.
    """
    if isinstance(router, LengthRouter):
        return
    train, test = made(300), Lesson.of(made(300, seed=1))
    told = clone(router).fit(train).predict(test.prompts.texts).to_numpy()
    real = test.quality[:, 1] - test.quality[:, 0]
    gain = told[:, 1] - told[:, 0]
    plain = Lesson.of(train).quality.mean(axis=0)
    assert ((real - gain) ** 2).mean() < ((real - (plain[1] - plain[0])) ** 2).mean()


@every
def test_partial_and_graded_recordings_are_learned_from(router: Router) -> None:
    """Each model is learned from what is known of it; qualities between 0 and 1 are shares."""
    frame = made(120, graded=True).frame
    gaps = (frame["model"] == "large") & (frame["prompt_id"] % 2 == 0)
    fitted = clone(router).fit(Matrix(frame[~gaps]))
    told = fitted.predict(NEW)
    assert told.notna().all(axis=None)
    assert told.mean(axis=None) == pytest.approx(frame["quality"].mean(), abs=0.15)


@every
def test_a_model_that_is_always_right_is_said_to_be(router: Router) -> None:
    """With nothing to tell prompts apart by, a model's mean is what is said, or nearly."""
    frame = made(60).frame
    frame.loc[frame["model"] == "large", "quality"] = 1.0
    told = clone(router).fit(Matrix(frame)).predict(NEW)
    assert told["large"].tolist() == pytest.approx([1.0] * 3, abs=0.02)


@pytest.mark.parametrize("router", [LengthRouter(), LogisticRouter()], ids=repr)
def test_what_always_was_is_not_certain(router: Router) -> None:
    """Of a model that was right 60 times of 60 the router says 61 of 62; wrong, 1 of 62."""
    for right, said in ((1.0, 61 / 62), (0.0, 1 / 62)):
        frame = made(60).frame
        frame.loc[frame["model"] == "large", "quality"] = right
        told = clone(router).fit(Matrix(frame)).predict(NEW)
        assert told["large"].tolist() == pytest.approx([said] * 3)


def test_lengths_beyond_what_was_seen_are_judged_as_the_nearest(small: Matrix) -> None:
    """A text far longer, or shorter, than all that were seen is told what the last of them is."""
    texts = Lesson.of(small).prompts.texts
    short, long = min(texts, key=len), max(texts, key=len)
    with pytest.warns(OrchkitWarning, match="are unlike"):
        told = LengthRouter().fit(small).predict([short, "x", long, "x" * 10**6])
    assert told.iloc[0].tolist() == told.iloc[1].tolist()
    assert told.iloc[2].tolist() == told.iloc[3].tolist()
    assert told.iloc[0].tolist() != told.iloc[2].tolist()


@every
def test_what_cannot_be_learned_from_is_refused(router: Router, small: Matrix) -> None:
    """A frame, prompts without texts, and models without qualities are refused by name."""
    with pytest.raises(ParameterError, match="takes a ResponseMatrix"):
        clone(router).fit(small.frame)
    blank = small.frame.assign(prompt="")
    with pytest.raises(MatrixError, match="no prompts' texts"):
        clone(router).fit(Matrix(blank))
    unknown = small.frame
    unknown.loc[unknown["model"] == "large", "quality"] = np.nan
    with pytest.raises(MatrixError, match="No quality of large is known"):
        clone(router).fit(Matrix(unknown))


@every
def test_texts_are_texts(router: Router, small: Matrix) -> None:
    """One text alone, or what is none, is refused; a Series keeps its index."""
    fitted = clone(router).fit(small)
    with pytest.raises(ParameterError, match="give a list of texts"):
        fitted.predict("solve the equation")
    with pytest.raises(ParameterError, match="holds 3"):
        fitted.predict_cost(["x", 3])
    assert fitted.predict(pd.Series(NEW, index=[7, 8, 9])).index.tolist() == [7, 8, 9]


@every
def test_a_few_prompts_are_enough_to_run(router: Router) -> None:
    """Three prompts are little to learn from, but no error."""
    told = clone(router).fit(made(3)).predict(NEW)
    assert ((told >= 0) & (told <= 1)).all(axis=None)


@every
def test_prompts_unlike_the_training_set_are_told_of(router: Router, small: Matrix) -> None:
    """Prompts of other words are told once with their share; new ones of the same kind are not."""
    fitted = clone(router).fit(small)
    fitted.predict(Lesson.of(made(30, seed=5)).prompts.texts)  # warnings are errors here
    with pytest.warns(OrchkitWarning, match=r"2 of 4 prompts \(50%\) are unlike the 150"):
        fitted.predict([*NEW[:2], "Wie spät ist es?", "¿Dónde está?"])
    assert fitted.unlike([NEW[0], "Wie spät?"]).tolist() == [False, True]


def test_repeated_prompts_do_not_make_new_ones_unlike() -> None:
    """Which texts are unlike does not depend on how often each prompt was recorded."""
    train, test = (Lesson.of(made(100, seed=seed)).prompts.texts for seed in (0, 1))
    texts = [*test, "Wie spät ist es?"]
    once, often = (Novelty.of(each).unlike(texts) for each in (train, [*train, *train[::-1]] * 2))
    assert once.tolist() == often.tolist()
    assert once[-1]
    assert once[:-1].mean() < 0.1


@every
def test_a_budget_is_met_on_its_own_prompts(router: Router, small: Matrix) -> None:
    """At the price for a budget its own prompts, judged unseen, cost no more, and the next more."""
    fitted = clone(router).fit(small)
    lesson = Lesson.of(small)
    priced = fitted.predict_cost(lesson.prompts.texts).to_numpy()
    curve = utility_curve(fitted.out_of_fold_, priced, lesson.quality, lesson.cost)
    for budget in curve["cost"].quantile([0.0, 0.3, 0.9, 1.0]):
        price = fitted.price_for(budget)
        taken = chosen(fitted.out_of_fold_, priced, price)
        assert lesson.cost[np.arange(len(lesson)), taken].mean() <= budget * (1 + 1e-9)
        row = curve[curve["gain_per_cost"] > price].iloc[-1]
        assert row["cost"] <= budget
        assert (curve.loc[curve["gain_per_cost"] <= price, "cost"] > budget).all()
    with pytest.raises(ParameterError, match="the cheapest choices cost"):
        fitted.price_for(1e-9)
    with pytest.raises(UnknownModelError, match="'huge'"):
        fitted.price_for(1.0, ["huge"])


@pytest.mark.parametrize("router", [*EVERY, GroupMeanRouter("text")], ids=repr)
def test_equal_prompts_do_not_teach_of_each_other(router: Router) -> None:
    """Where each prompt is there twice and all is chance, nothing is foretold out of fold."""
    rng = np.random.default_rng(0)
    words = [" ".join(rng.choice(list("abcdefghij"), 12)) + f" {n}" for n in range(150)]
    right = rng.integers(0, 2, (150, 2)) * 1.0
    rows = [
        (copy * 150 + n, text, model, right[n, column], text)
        for copy in range(2)
        for n, text in enumerate(words)
        for column, model in enumerate(("small", "large"))
    ]
    frame = pd.DataFrame(rows, columns=["prompt_id", "prompt", "model", "quality", "text"])
    fitted = clone(router).fit(Matrix(frame))
    told, real = fitted.out_of_fold_, Lesson.of(Matrix(frame)).quality
    areas = [roc_auc_score(real[:, column], told[:, column]) for column in range(2)]
    assert np.mean(areas) == pytest.approx(0.5, abs=0.1)


def test_without_costs_there_is_no_price(small: Matrix) -> None:
    """A recording without costs can be learned from, but expects none and meets no budget."""
    fitted = LengthRouter().fit(Matrix(small.frame.drop(columns="cost")))
    assert fitted.predict_cost(["?"]).isna().all(axis=None)
    with pytest.raises(ParameterError, match="no prompt has costs of all"):
        fitted.price_for(1.0)


def test_without_a_prompt_of_all_models_there_is_no_price(small: Matrix) -> None:
    """Where no prompt has the qualities of all models, that is said, not that costs lack."""
    frame = small.frame
    apart = (frame["model"] == "small") == (frame["prompt_id"] % 2 == 0)
    fitted = LengthRouter().fit(Matrix(frame.assign(quality=frame["quality"].where(apart))))
    with pytest.raises(ParameterError, match="no prompt has qualities of all models"):
        fitted.price_for(1.0)


def test_group_means_need_groups(small: Matrix) -> None:
    """With groups it gives their means; without them, or for a new one, the mean, and says so."""
    router = clone(GroupMeanRouter("topic")).fit(small)
    told = router.predict(["?"] * 3, groups=list(TOPICS))
    frame = small.frame
    rows = frame[(frame["topic"] == "algebra") & (frame["model"] == "large")]["quality"]
    every_one = frame[frame["model"] == "large"]["quality"].mean()
    assert told["large"][0] == pytest.approx((rows.sum() + 10 * every_one) / (len(rows) + 10))
    with pytest.warns(OrchkitWarning, match="not told the groups of 2 prompts"):
        plain = router.predict(["?", "!"])
    assert plain["large"].tolist() == pytest.approx([every_one] * 2)
    with pytest.warns(OrchkitWarning, match="not seen the groups of 1 of 2"):
        router.predict(["?", "!"], groups=["algebra", "music"])
    with pytest.raises(ParameterError, match="1 labels for 2 texts"):
        router.predict(["?", "!"], groups=["algebra"])


def test_a_group_mean_leaves_the_prompt_itself_out(small: Matrix) -> None:
    """What is said out of fold of a prompt does not depend on its own quality."""
    frame = small.frame
    other = frame.copy()
    other.loc[0, "quality"] = 1 - other.loc[0, "quality"]
    one, two = (GroupMeanRouter("topic").fit(Matrix(each)) for each in (frame, other))
    change = abs(one.out_of_fold_[0] - two.out_of_fold_[0])
    assert change.max() < 0.01  # the mean over all moved a little, the group's own did not


def test_a_blend_leaves_its_routers_alone(small: Matrix) -> None:
    """It fits copies; and blending a router with itself ranks as the router does."""
    inner = KNNRouter(k=20)
    blend = BlendRouter([inner, inner]).fit(small)
    assert not hasattr(inner, "n_")
    alone = KNNRouter(k=20).fit(small).predict(NEW)
    told = blend.predict(NEW)
    gains = [(each["large"] - each["small"]).argsort().tolist() for each in (told, alone)]
    assert gains[0] == gains[1]


@pytest.mark.parametrize(
    ("router", "told"),
    [
        (KNNRouter(k=0), "k is 0"),
        (KNNRouter(shrinkage=-1.0), "shrinkage"),
        (LogisticRouter(strength=0.0), "strength"),
        (LogisticRouter(folds=1), "folds"),
        (BlendRouter([]), "list of routers"),
        (BlendRouter([LengthRouter()], way="vote"), "z-sum"),
        (KNNRouter(encoder=lambda _: [1.0]), "encoder gave the shape"),
    ],
)
def test_parameters_are_checked_when_fitting(router: Router, told: str, small: Matrix) -> None:
    """As in scikit-learn, what is out of range shows in `fit`."""
    with pytest.raises(ParameterError, match=told):
        router.fit(small)
