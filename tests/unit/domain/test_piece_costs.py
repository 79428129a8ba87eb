"""Costs that are not known yet: sums, cases and bounds."""

import pytest

from promptreel.domain.piece_costs import MAX_AMOUNTS, Costs

COIN = Costs({0: 0.5, 100: 0.5})


def test_sum_of_independent_costs_has_every_combination() -> None:
    assert COIN.plus(COIN).probabilities == {0: 0.25, 100: 0.5, 200: 0.25}


def test_cases_exclude_one_another_and_keep_their_weight() -> None:
    cases = Costs.any_of(Costs.exactly(5).when(0.2), Costs.exactly(7).when(0.3))

    assert cases.probabilities == {5: 0.2, 7: 0.3}
    assert cases.weight == pytest.approx(0.5)
    assert cases.mean == pytest.approx(6.2)


def test_quantile_is_the_smallest_amount_not_exceeded_with_the_share() -> None:
    assert [COIN.quantile(share) for share in (0.01, 0.5, 0.51, 0.99)] == [0, 0, 100, 100]


def test_cost_beyond_the_limit_stops_at_it() -> None:
    assert COIN.plus(COIN).up_to(150).probabilities == {0: 0.25, 100: 0.5, 150: 0.25}


def test_sum_of_many_costs_keeps_mean_and_bounds_while_amounts_are_joined() -> None:
    die = Costs({face * 997: 1 / 6 for face in range(1, 7)})
    total = Costs.exactly(0).plus(*[die] * 100)

    assert len(total.probabilities) <= MAX_AMOUNTS
    assert total.mean == pytest.approx(3.5 * 997 * 100, rel=1e-4)
    assert total.weight == pytest.approx(1, abs=1e-4)
    deviation = 997 * (35 / 12 * 100) ** 0.5
    assert total.quantile(0.99) == pytest.approx(total.mean + 2.33 * deviation, rel=0.005)
