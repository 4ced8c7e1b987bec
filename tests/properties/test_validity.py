"""Every stream that the gateway writes is one that its API promises, whatever was said."""

from __future__ import annotations

from hypothesis import given
from support.dice import Dice, dice
from support.generated_replies import CUT_SHORT, Plan, draw_plan, events_of
from support.properties import thorough
from support.relayed import clients_of
from support.streams import Api
from support.translated import written
from support.validators import Ending, check


def ending_of(plan: Plan, api: Api) -> Ending:
    """How the stream must end. A refusal in the model's own words is an early end in Messages' terms."""
    if plan.failure is not None:
        return "failed"
    kinds = {part.kind for part in plan.parts}
    refused = plan.reason == "stop" and "refusal" in kinds and "tool_call" not in kinds
    if plan.reason in CUT_SHORT or (api == "messages" and refused):
        return "incomplete"
    return "finished"


@given(dice=dice())
@thorough
def test_validators_accept_every_stream(dice: Dice) -> None:
    plan = draw_plan(dice)
    events = events_of(plan)
    include_usage = dice.chance(2)

    for api in clients_of(plan):
        stream = written(api, events, include_usage=include_usage)

        assert check(api, stream, usage_asked=include_usage) == ending_of(plan, api)
