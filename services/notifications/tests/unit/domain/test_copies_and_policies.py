"""Own copies change once per change; policies refuse nonsense."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from decider import fold
from decider.testing import Specification
from notifications.domain.clinic.commands import RecordBranch, RecordOrganisation
from notifications.domain.clinic.decider import CLINIC
from notifications.domain.clinic.events import BranchRecorded, OrganisationRecorded
from notifications.domain.contact_preferences.commands import ApplyPreference
from notifications.domain.contact_preferences.decider import CONTACT_PREFERENCES
from notifications.domain.contact_preferences.events import ContactPreferenceApplied
from notifications.domain.policies import NotificationPolicies
from vocabulary.ids import BranchId, OrganisationId

organisation = OrganisationRecorded(organisation_id=OrganisationId(UUID(int=1)), legal_name="Север")
branch = BranchRecorded(branch_id=BranchId(UUID(int=2)), name="Тверская", address="Тверская, 1")
preference = ContactPreferenceApplied(person_id=UUID(int=3), language="ru", wants_letters=True)
clinic = Specification(CLINIC)
preferences = Specification(CONTACT_PREFERENCES)


def test_a_clinic_is_recorded_once_per_change() -> None:
    clinic.given().when(RecordOrganisation(organisation=organisation)).then(organisation)
    renamed = replace(organisation, legal_name="Юг")
    clinic.given(organisation).when(RecordOrganisation(organisation=renamed)).then(renamed)
    clinic.given(organisation).when(RecordBranch(branch=branch)).then(branch)
    other = replace(branch, branch_id=BranchId(UUID(int=9)))
    assert set(fold(CLINIC, [branch, other]).branches) == {branch.branch_id, other.branch_id}


def test_a_preference_is_applied_once_per_change() -> None:
    preferences.given().when(ApplyPreference(preference=preference)).then(preference)
    silent = replace(preference, wants_letters=False)
    preferences.given(preference).when(ApplyPreference(preference=silent)).then(silent)


def test_defaults_are_those_of_the_requirements() -> None:
    rules = NotificationPolicies()
    assert (rules.reminder_minutes, rules.feed_days) == ((1440, 60), 7)


@pytest.mark.parametrize(
    "wrong",
    [
        {"reminder_minutes": (0,)},
        {"reminder_minutes": (-5, 60)},
        {"reminder_minutes": tuple(range(1, 12))},
        {"feed_days": 0},
    ],
)
def test_policies_refuse_nonsense(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"reminders|feed"):
        NotificationPolicies(**wrong)


def test_policies_may_be_at_their_bounds() -> None:
    NotificationPolicies(reminder_minutes=(), feed_days=1)
    NotificationPolicies(reminder_minutes=tuple(range(1, 11)))
