"""Takes out of Rasa's turns what never changes from one to the next.

`RemoteAction` of Rasa 3.6.21 checks its own schema at every response, which is 80% of the 21 ms that a trivial custom
action adds to a turn; it sends the whole domain and the whole tracker along, with the vector of every message in it;
and it opens a connection for every call. Here the schema is compiled once, what travels is what our actions read, and
connections are kept. Every turn also asks whether the domain is empty, by making an empty one to compare with: here it
is made once. What is accepted and refused, and the errors, stay as they were.
"""

from __future__ import annotations

import asyncio
import json
from functools import lru_cache
from typing import Any

import rasa
from aiohttp import ClientSession
from jsonschema import ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import validator_for
from rasa.core.actions.action import RemoteAction
from rasa.shared.core.domain import Domain
from rasa.shared.core.trackers import DialogueStateTracker, EventVerbosity
from rasa.utils.endpoints import EndpointConfig


@lru_cache(maxsize=1)
def _validator() -> Validator:
    schema = RemoteAction.action_response_format_spec()
    kind = validator_for(schema)
    kind.check_schema(schema)
    return kind(schema)


@lru_cache(maxsize=16)
def _are_good(events: str) -> bool:
    """Whether these events, as JSON, have the form of one of Rasa's: it takes a look at each of its forms."""
    return not any(_validator().iter_errors({"events": json.loads(events)}))


def _validate_action_result(self: RemoteAction, result: dict[str, Any]) -> bool:
    # Nearly all results hold the same event: that Rasa listens again.
    known = isinstance(result, dict) and "events" in result and _are_good(json.dumps(result["events"], sort_keys=True))
    for problem in _validator().iter_errors({**result, "events": []} if known else result):
        problem.message += ". The response of the action server does not have the form of a custom action's response."
        raise ValidationError(problem.message) from problem
    return True


def _action_call_format(self: RemoteAction, tracker: DialogueStateTracker, domain: Domain) -> dict[str, Any]:
    return {
        "next_action": self.name(),
        "sender_id": tracker.sender_id,
        "tracker": tracker.current_state(EventVerbosity.NONE),
        # The action server refuses a call without one.
        "domain": {},
        "version": rasa.__version__,
    }


class _Kept:
    """A session that stays open when its caller is done with it."""

    def __init__(self, session: ClientSession) -> None:
        self._session = session

    async def __aenter__(self) -> ClientSession:
        return self._session

    async def __aexit__(self, *_: object) -> None:
        return None


_open_session = EndpointConfig.session
_sessions: dict[tuple[str | None, asyncio.AbstractEventLoop], ClientSession] = {}


def _session(self: EndpointConfig) -> _Kept:
    key = (self.url, asyncio.get_running_loop())
    if key not in _sessions or _sessions[key].closed:
        _sessions[key] = _open_session(self)
    return _Kept(_sessions[key])


_EMPTY = Domain.empty().as_dict()


def _is_empty(self: Domain) -> bool:
    return bool(self.as_dict() == _EMPTY)


RemoteAction._validate_action_result = _validate_action_result
RemoteAction._action_call_format = _action_call_format
EndpointConfig.session = _session
Domain.is_empty = _is_empty
