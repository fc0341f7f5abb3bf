"""Which status each refusal has. Those of a message are the service's own business and never reach a caller."""

from notifications.domain.message.errors import NothingToSend, NotTheNextChannel
from policies.api import POLICY_PROBLEMS
from service_kit.problems import ProblemTable

__all__ = ["PROBLEMS"]

PROBLEMS = ProblemTable({NothingToSend: 409, NotTheNextChannel: 409, **POLICY_PROBLEMS})
