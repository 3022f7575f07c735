"""What the documentation says Discord usually refuses an action with holds every refusal of the cases."""

import pytest

from services.actions import CATALOGUE, Action
from tests.conformance.cases import REJECTED, Case
from tests.conformance.faces import ACTIONS


@pytest.mark.parametrize("case", REJECTED, ids=lambda case: str(case.name))
def test_a_refusal_of_the_cases_is_documented(case: Case) -> None:
    assert case.code in {code.slug for code in ACTIONS[case.rpc].refusals}


@pytest.mark.parametrize("action_type", CATALOGUE, ids=lambda action_type: str(action_type.rpc()))
def test_refusals_are_discords_and_named_once(action_type: type[Action]) -> None:
    slugs = [code.slug for code in action_type.refusals]
    assert len(set(slugs)) == len(slugs) >= 3
    assert all(slug.startswith("discord_") for slug in slugs)
