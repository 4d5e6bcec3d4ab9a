from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone, is_classifier
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import check_estimator
from sklearn.utils.validation import check_is_fitted

from orchkit.core.calls import Params
from orchkit.core.catalog import Tier
from orchkit.core.complexity import KeywordRules
from orchkit.errors import MisuseError, OrchkitWarning, ParameterError
from orchkit.lab.asking import Asking, queries
from orchkit.lab.complexity import ComplexityClassifier

Labelled = tuple[list[str], list[str]]
ASKED = ["Capital of Chile?", "Derive the bound and prove that it is tight, for every n.", ""]


def lengths(texts: list[str]) -> Any:
    """Encode texts by two numbers each."""
    return [[len(text), text.count(" ")] for text in texts]


def test_it_has_the_face_of_the_keyword_rules(fitted: ComplexityClassifier) -> None:
    """It predicts one tier a text, as the rules do."""
    ours, theirs = fitted.predict(ASKED), KeywordRules().predict(ASKED)
    assert [type(tier) for tier in ours] == [type(tier) for tier in theirs] == [Tier] * 3
    assert fitted.predict([]) == []


def test_it_learns(labelled: Labelled) -> None:
    """On prompts held out it is right more often than the keyword rules."""
    texts, tiers = labelled
    judge = ComplexityClassifier(tau=None).fit(texts[:150], tiers[:150])
    rules = KeywordRules().predict(texts[150:])
    by_rules = np.mean([ours == wanted for ours, wanted in zip(rules, tiers[150:], strict=True)])
    assert judge.score(texts[150:], tiers[150:]) > by_rules + 0.1


def test_probabilities_stand_in_the_order_of_tiers(
    fitted: ComplexityClassifier, tiers: list[str]
) -> None:
    """There is a column a tier, from basic to expert, and rows sum to 1."""
    chance = fitted.predict_proba(ASKED)
    assert fitted.classes_.tolist() == tiers
    assert chance.shape == (3, 4)
    np.testing.assert_allclose(chance.sum(axis=1), 1)
    assert chance[0].argmax() == 0
    assert chance[1].argmax() >= 2


@pytest.mark.parametrize("tau", [0.3, 0.5, 0.8, 0.95, 1.0])
def test_tau_is_how_sure_a_tier_must_be_to_be_enough(
    fitted: ComplexityClassifier, labelled: Labelled, tau: float
) -> None:
    """The tier predicted is the lowest with P(tier <= k) of at least tau."""
    below = fitted.predict_proba(labelled[0]).cumsum(axis=1)
    found = clone_of(fitted, tau=tau).predict(labelled[0])
    for row, tier in zip(below, found, strict=True):
        assert tier.rank == next(rank for rank in range(4) if row[rank] >= tau - 1e-9)


def test_without_tau_the_likeliest_tier_is_taken(
    fitted: ComplexityClassifier, labelled: Labelled
) -> None:
    """None means the tier with the greatest probability."""
    found = clone_of(fitted, tau=None).predict(labelled[0])
    likeliest = fitted.predict_proba(labelled[0]).argmax(axis=1)
    assert [tier.rank for tier in found] == likeliest.tolist()


def clone_of(fitted: ComplexityClassifier, **params: Any) -> ComplexityClassifier:
    """Return a copy that has learnt the same, with other parameters."""
    return pickle.loads(pickle.dumps(fitted)).set_params(**params)  # noqa: S301 - our own bytes


def test_a_higher_tau_never_lowers_a_tier(fitted: ComplexityClassifier, labelled: Labelled) -> None:
    """Who wants to be surer is never sent to a weaker tier."""
    ways = [clone_of(fitted, tau=tau).predict(labelled[0]) for tau in (0.5, 0.7, 0.9)]
    assert all(a <= b <= c for a, b, c in zip(*ways, strict=True))


@pytest.mark.parametrize(
    "given",
    [
        lambda names: names,
        lambda names: [Tier(name) for name in names],
        lambda names: [name.upper() for name in names],
        lambda names: [Tier(name).rank for name in names],
        lambda names: np.array([Tier(name).rank for name in names]),
        lambda names: pd.Series(names, index=range(9, 9 + len(names)), dtype="category"),
    ],
    ids=["names", "tiers", "capitals", "ranks", "array", "categories"],
)
def test_tiers_may_be_written_in_any_way(
    fitted: ComplexityClassifier, labelled: Labelled, given: Any
) -> None:
    """Names, tiers and ranks teach the same."""
    texts, names = labelled
    other = ComplexityClassifier().fit(pd.Series(texts), given(names))
    np.testing.assert_array_equal(other.predict_proba(ASKED), fitted.predict_proba(ASKED))


def test_a_tier_nobody_named_is_never_predicted(labelled: Labelled) -> None:
    """Columns of tiers without labels are there, and are 0."""
    texts, names = labelled
    kept = [at for at, name in enumerate(names) if name in ("intermediate", "expert")]
    judge = ComplexityClassifier().fit([texts[at] for at in kept], [names[at] for at in kept])
    chance = judge.predict_proba(texts)
    assert (chance[:, [0, 2]] == 0).all()
    assert set(judge.predict(texts)) <= {Tier.INTERMEDIATE, Tier.EXPERT}


@pytest.mark.parametrize(("n", "kind"), [(99, "shallow"), (100, "text")])
def test_few_labels_are_learnt_by_looks(labelled: Labelled, n: int, kind: str) -> None:
    """Below a hundred labels words are not looked at, unless asked for."""
    texts, names = labelled
    assert ComplexityClassifier().fit(texts[:n], names[:n]).features_ == kind
    assert ComplexityClassifier(features="text").fit(texts[:20], names[:20]).features_ == "text"


def test_it_says_how_it_compares(labelled: Labelled, fitted: ComplexityClassifier) -> None:
    """Its errors on labels held out stand beside those of what needs no learning."""
    errors = fitted.held_out_errors_
    assert errors is not None
    assert list(errors) == ["classifier", "keyword rules", "one tier", "length"]
    assert errors["classifier"] < errors["keyword rules"] < errors["one tier"]
    few = ComplexityClassifier().fit(labelled[0][:49], labelled[1][:49])
    assert few.held_out_errors_ is None


@pytest.mark.parametrize("n", [60, 200])
def test_labels_that_teach_nothing_are_told(labelled: Labelled, n: int) -> None:
    """Where one tier for all or the keyword rules do as well, fit says so."""
    draw = np.random.default_rng(0)
    names = draw.choice(["basic", "intermediate", "expert"], p=[0.9, 0.06, 0.04], size=n)
    with pytest.warns(OrchkitWarning, match=r"not worth having yet.*one tier by 0\."):
        judge = ComplexityClassifier().fit(labelled[0][:n], names)
    assert judge.held_out_errors_ is not None


def test_the_same_labels_teach_the_same(labelled: Labelled) -> None:
    """Equal labels and random_state give equal numbers, calibrated or not."""
    texts, names = labelled
    for calibrate in (False, True):
        told = [
            ComplexityClassifier(calibrate=calibrate, random_state=3).fit(texts, names)
            for _ in range(2)
        ]
        first, second = (judge.predict_proba(texts) for judge in told)
        np.testing.assert_array_equal(first, second)


def test_an_encoder_may_stand_beside_or_alone(labelled: Labelled) -> None:
    """Its rows are looked at with the words, or instead of everything else."""
    texts, names = labelled
    beside = ComplexityClassifier(encoder=lengths).fit(texts, names)
    alone = ComplexityClassifier(tau=None, encoder=lengths, features="encoder")
    alone.fit(texts, names)
    assert beside._learnt.width > alone._learnt.width == 2
    same = ["aa bb", "cc dd"]  # of equal length
    first, second = alone.predict_proba(same)
    np.testing.assert_allclose(first, second)
    assert alone.score(texts, names) > 0.35  # chance is 0.25


def test_an_encoder_is_asked_once_about_a_text(labelled: Labelled) -> None:
    """Fitting asks about each distinct text once: an encoder may be slow, or cost money."""
    asked: list[str] = []

    def counting(texts: list[str]) -> Any:
        asked.extend(texts)
        return lengths(texts)

    texts, names = [*labelled[0], labelled[0][0]], [*labelled[1], labelled[1][0]]
    ComplexityClassifier(encoder=counting).fit(texts, names)
    assert sorted(asked) == sorted(set(texts))


@pytest.mark.parametrize(
    ("encoder", "said"),
    [
        (lambda texts: np.zeros(len(texts)), "one row of numbers a text"),
        (lambda texts: np.zeros((len(texts) + 1, 2)), "one row of numbers a text"),
        (lambda texts: np.full((len(texts), 2), np.nan), "NaN"),
    ],
    ids=["flat", "too many", "nan"],
)
def test_an_encoder_must_give_rows(labelled: Labelled, encoder: Any, said: str) -> None:
    """What is not one finite row a text is refused."""
    with pytest.raises(ParameterError, match=said):
        ComplexityClassifier(encoder=encoder).fit(*labelled)


@pytest.mark.parametrize(
    ("texts", "names", "said"),
    [
        (["a", "b"], ["basic", "basic"], "two tiers or more, but all 2 labels are basic"),
        ([], [], "there are no labels"),
        (["a", "b"], ["basic"], "2 texts and 1 tiers"),
        (["a", "b"], ["basic", "hard"], "tier 1 is 'hard'; a tier is one of basic"),
        (["a", "b"], ["basic", None], "tier 1 is None"),
        (["a", "b"], [0, 4], "tier 1 is 4"),
        (["a", " "], ["basic", "expert"], "text 1 is blank"),
        (["a", None], ["basic", "expert"], "text 1 is None"),
        (["a", float("nan")], ["basic", "expert"], "text 1 is nan"),
        ([{"role": "user"}, "b"], ["basic", "expert"], "text 0 is"),
        ("ab", ["basic", "expert"], "give a list of prompts"),
        (["a", "b"], "ab", "tiers is 'ab'; give a list"),
    ],
)
def test_bad_labels_are_refused_with_what_to_do(texts: Any, names: Any, said: str) -> None:
    """What cannot teach is refused by its place and what was expected."""
    with pytest.raises(ParameterError, match=said):
        ComplexityClassifier().fit(texts, names)


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"C": 0}, "C is 0"),
        ({"C": float("nan")}, "C is nan"),
        ({"C": "5"}, "C is '5'"),
        ({"C": True}, "C is True"),
        ({"tau": 0}, "tau is 0"),
        ({"tau": 1.5}, "tau is 1.5"),
        ({"tau": "0.8"}, "tau is '0.8'"),
        ({"features": "words"}, "features is 'words'"),
        ({"features": "encoder"}, "needs encoder="),
        ({"calibrate": "yes"}, "calibrate is 'yes'"),
        ({"encoder": 3}, "encoder is 3"),
        ({"random_state": None}, "random_state is None"),
    ],
)
def test_bad_parameters_are_refused_when_fitting(params: dict[str, Any], said: str) -> None:
    """A parameter outside its range is named, with its range, as scikit-learn does: at fit."""
    with pytest.raises(ParameterError, match=said):
        ComplexityClassifier(**params).fit(["a", "b"], ["basic", "expert"])


def test_what_has_learnt_nothing_says_so(tmp_path: Path) -> None:
    """Before fit there is nothing to predict, and nothing to save."""
    with pytest.raises(MisuseError, match="Call fit"):
        ComplexityClassifier().predict(["a"])
    with pytest.raises(MisuseError, match="Call fit"):
        ComplexityClassifier().save(tmp_path / "c.skops")


def test_parameters_are_known_by_name() -> None:
    """Parameters can be read, set and cloned; one that is none is refused."""
    judge = ComplexityClassifier(C=2, tau=None, encoder=lengths)
    copy = clone(judge)
    assert copy is not judge
    assert copy.get_params() == judge.get_params()
    assert copy.set_params(C=3).get_params()["C"] == 3
    with pytest.raises(ParameterError, match="no parameter 'c'"):
        judge.set_params(c=1)
    assert repr(ComplexityClassifier(C=2)) == "ComplexityClassifier(C=2)"


def test_scikit_learn_knows_what_it_is(fitted: ComplexityClassifier) -> None:
    """It is a classifier of texts, fitted or not, and passes what can be checked of one."""
    assert is_classifier(fitted)
    check_is_fitted(fitted)
    with pytest.warns(UserWarning, match="requires input"):
        told = check_estimator(ComplexityClassifier(), on_fail="raise")
    assert all(check["status"] == "passed" for check in told)


def test_it_can_be_searched_and_piped(labelled: Labelled) -> None:
    """GridSearchCV, cross-validation and a pipeline take it like any classifier."""
    texts, names = np.array(labelled[0], dtype=object), np.array(labelled[1])
    grid = GridSearchCV(ComplexityClassifier(features="shallow"), {"tau": [None, 0.8]}, cv=2)
    assert grid.fit(texts, names).best_params_ == {"tau": None}
    steps = [("strip", FunctionTransformer(lambda t: [x.strip() for x in t])), ("judge", grid)]
    assert set(Pipeline(steps).fit(texts, names).predict(texts)) <= set(Tier)
    scores = cross_val_score(
        ComplexityClassifier(features="shallow", tau=None), texts, names, cv=2, scoring="f1_macro"
    )
    assert (scores > 0.4).all()


def test_it_routes(fitted: ComplexityClassifier) -> None:
    """It stands in the place of the keyword rules."""
    frame = pd.DataFrame({"prompt": ASKED[:2]})
    asked = queries(frame, Asking(complexity=fitted))
    assert [query.tier for query in asked] == fitted.predict(ASKED[:2])  # type: ignore[union-attr]
    assert asked[0].params == Params(max_tokens=1024)  # type: ignore[union-attr]


def test_a_saved_classifier_judges_the_same_elsewhere(
    fitted: ComplexityClassifier, tmp_path: Path
) -> None:
    """Another process reads the same parameters and gives the same numbers, to the bit."""
    path = tmp_path / "c.skops"
    clone_of(fitted, tau=0.7).save(path)
    asks = (
        "import sys, json; from orchkit.lab.complexity import ComplexityClassifier as C; "
        "c = C.load(sys.argv[1]); "
        "print(json.dumps([c.predict_proba(json.loads(sys.argv[2])).tolist(), c.tau, repr(c)]))"
    )
    ran = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", asks, str(path), json.dumps(ASKED)],
        capture_output=True,
        check=True,
        encoding="utf-8",
    )
    expected = [fitted.predict_proba(ASKED).tolist(), 0.7, "ComplexityClassifier(tau=0.7)"]
    assert json.loads(ran.stdout) == expected


def test_what_is_loaded_can_be_saved_again(labelled: Labelled, tmp_path: Path) -> None:
    """A classifier of looks alone survives two rounds."""
    numbers = {"C": np.float32(5), "tau": np.float64(0.8), "random_state": np.int64(1)}
    judge = ComplexityClassifier(**numbers).fit(labelled[0][:50], labelled[1][:50])
    judge.save(tmp_path / "one.skops")
    again = ComplexityClassifier.load(tmp_path / "one.skops")
    again.save(tmp_path / "two.skops")
    twice = ComplexityClassifier.load(tmp_path / "two.skops")
    np.testing.assert_array_equal(twice.predict_proba(ASKED), judge.predict_proba(ASKED))
    assert (twice.features_, twice.n_labels_) == ("shallow", 50)
    assert twice.held_out_errors_ == judge.held_out_errors_
    assert twice.get_params()["random_state"] == 1


def test_an_encoder_is_given_again(labelled: Labelled, tmp_path: Path) -> None:
    """An encoder is not saved: loading without it, or with one too many, says so."""
    path = tmp_path / "c.skops"
    judge = ComplexityClassifier(encoder=lengths).fit(*labelled)
    judge.save(path)
    again = ComplexityClassifier.load(path, encoder=lengths)
    np.testing.assert_array_equal(again.predict_proba(ASKED), judge.predict_proba(ASKED))
    with pytest.raises(ParameterError, match="fitted with an encoder"):
        ComplexityClassifier.load(path)
    ComplexityClassifier().fit(*labelled).save(path)
    with pytest.raises(ParameterError, match="without an encoder"):
        ComplexityClassifier.load(path, encoder=lengths)


def test_importing_it_is_light() -> None:
    """The class can be had without loading a learner."""
    said = "import sys; import orchkit.lab.complexity; print({*sys.modules} & {'sklearn', 'scipy'})"
    ran = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", said], capture_output=True, check=True, encoding="utf-8"
    )
    assert ran.stdout.strip() == "set()"
