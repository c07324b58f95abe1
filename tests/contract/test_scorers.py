"""What every scorer promises."""

import numpy as np
import pytest

from uncal.plugins import names
from uncal.scorers import make
from uncal.types import Groups, Scorer


@pytest.fixture(params=names("scorers"))
def scorer(request: pytest.FixtureRequest) -> Scorer:
    return make(request.param)


@pytest.fixture
def groups() -> Groups:
    """Three groups of four: answered alike, two ways, every which way."""
    rng = np.random.default_rng(0)
    alike = np.tile(rng.normal(size=8), (4, 1))
    two = np.repeat(rng.normal(size=(2, 8)), 2, axis=0)
    every = rng.normal(size=(4, 8))
    return Groups(np.array([0, 4, 8, 12]), np.concatenate([alike, two, every]))


def test_higher_means_less_sure(scorer: Scorer, groups: Groups) -> None:
    alike, two, every = scorer(groups)
    assert alike < two < every


def test_order_inside_a_group_and_other_groups_do_not_matter(scorer: Scorer, groups: Groups) -> None:
    scores = scorer(groups)
    shuffled = groups.embeddings.reshape(3, 4, 8)[:, [2, 0, 3, 1]].reshape(12, 8)
    np.testing.assert_allclose(scorer(Groups(groups.offsets, shuffled)), scores, atol=1e-12)
    for p in range(3):
        alone = Groups(np.array([0, 4]), groups.embeddings[4 * p : 4 * p + 4])
        assert scorer(alone)[0] == scores[p]


def test_a_group_of_one_is_as_sure_as_can_be(scorer: Scorer) -> None:
    assert scorer(Groups(np.array([0, 1]), np.array([[3.0, 4.0]])))[0] == 0


def test_it_says_what_it_needs_and_gives(scorer: Scorer) -> None:
    assert scorer.needs <= {"embeddings"}
    assert all((scorer.range, scorer.unit, scorer.source))
