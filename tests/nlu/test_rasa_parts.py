"""What runs inside the Rasa process, on its Python."""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from jsonschema import ValidationError, validate
from rasa.core.actions.action import RemoteAction
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.utils.endpoints import EndpointConfig

from bot.answers import knowledge
from bot.nlu import lighter_turns, quiet_log
from bot.nlu.importer import INTENTS_OF_FORMS, PAIRS_PER_TOPIC, QUESTION, START_GUIDE, KnowledgeImporter
from bot.nlu.tracker import BoundedTrackerStore

ROOT = Path(__file__).resolve().parent.parent.parent

GOOD = {"events": [{"event": "slot", "name": "a", "value": None}], "responses": [{"text": "hallo"}, {"custom": {}}]}
BAD = [
    {"events": [{"name": "without event"}]}, {"responses": "not a list"}, [], {"events": {}},
    {**GOOD, "responses": "not a list"}, {"events": [*GOOD["events"], {"name": "without event"}]},
]  # fmt: skip


def test_runs_on_rasas_python():
    assert sys.version_info[:2] == (3, 10)


def test_a_good_response_passes_as_before():
    validate(GOOD, RemoteAction.action_response_format_spec())
    assert RemoteAction("action_answer", None)._validate_action_result(GOOD) is True


@pytest.mark.parametrize("response", BAD)
def test_a_bad_response_is_refused_as_before(response):
    with pytest.raises(ValidationError):
        validate(response, RemoteAction.action_response_format_spec())
    with pytest.raises(ValidationError):
        RemoteAction("action_answer", None)._validate_action_result(response)


def test_the_schema_is_checked_once(monkeypatch):
    """Checking the schema itself at every response was 80% of what a custom action cost."""
    lighter_turns._validator.cache_clear()
    kind = type(lighter_turns._validator())
    checked = []
    monkeypatch.setattr(kind, "check_schema", lambda *arguments, **named: checked.append(1))
    lighter_turns._validator.cache_clear()
    for _ in range(5):
        RemoteAction("action_answer", None)._validate_action_result(GOOD)
    assert len(checked) == 1


def test_what_was_good_is_not_looked_at_again(monkeypatch):
    """One event takes a look at each of Rasa's twenty forms of events."""
    listening = {"events": [{"event": "followup", "timestamp": None, "name": "action_listen"}], "responses": [{}]}
    action = RemoteAction("action_answer", None)
    action._validate_action_result(listening)
    looked = []
    validator = lighter_turns._validator()
    monkeypatch.setattr(lighter_turns, "_validator", lambda: SimpleNamespace(iter_errors=partial(_look, looked)))
    action._validate_action_result(listening)
    assert looked == [{"events": [], "responses": [{}]}]
    assert validator.is_valid(looked[0])


def _look(looked, result):
    looked.append(result)
    return ()


def test_a_domain_is_empty_as_before():
    assert Domain.empty().is_empty()
    assert not Domain.from_dict({"intents": ["greet"]}).is_empty()


def test_what_travels_to_the_actions_is_this_message_alone():
    """Not the domain, not what was said before."""
    before = UserUttered("eerder gezegd", {"name": "greet", "confidence": 1.0}, parse_data={"vector": "een vector"})
    now = UserUttered("nu gezegd", {"name": "greet", "confidence": 1.0}, metadata={"message_id": "m"})
    tracker = DialogueStateTracker.from_events("sender", [ActionExecuted("action_listen"), before, now])
    domain = Domain.from_dict({"intents": ["greet"], "actions": ["action_answer"]})
    call = RemoteAction("action_answer", None)._action_call_format(tracker, domain)
    assert (call["next_action"], call["sender_id"], call["domain"]) == ("action_answer", "sender", {})
    assert call["tracker"]["latest_message"]["text"] == "nu gezegd"
    assert call["tracker"]["latest_message"]["metadata"] == {"message_id": "m"}
    assert "eerder" not in str(call) and "een vector" not in str(call)


def test_the_connection_to_the_actions_is_kept():
    """Over the same session in the same loop; another loop gets its own, and so does one whose session was closed."""

    async def session(endpoint):
        async with endpoint.session() as opened:
            pass
        return opened

    async def thrice(endpoint):
        first, second = await session(endpoint), await session(endpoint)
        assert first is second and not first.closed
        await first.close()
        third = await session(endpoint)
        await third.close()
        return first, third

    endpoint = EndpointConfig("http://127.0.0.1:1/webhook")
    first, third = asyncio.run(thrice(endpoint))
    assert first is not third
    assert asyncio.run(thrice(endpoint))[0] not in (first, third)


def _tracker(sender: str, events: int = 3) -> DialogueStateTracker:
    turn = [ActionExecuted("action_listen"), UserUttered("hallo", {"name": "greet", "confidence": 1.0})]
    return DialogueStateTracker.from_events(sender, (turn * events)[:events])


async def _saved(store: BoundedTrackerStore, *senders: str) -> None:
    for sender in senders:
        await store.save(_tracker(sender))


def test_trackers_are_bounded_in_number():
    store = BoundedTrackerStore(Domain.empty(), conversations=3)
    asyncio.run(_saved(store, *map(str, range(10))))
    assert asyncio.run(store.keys()) == ["7", "8", "9"]
    assert asyncio.run(store.retrieve("0")) is None
    assert asyncio.run(store.retrieve("9")).sender_id == "9"


def test_trackers_are_bounded_in_length():
    store = BoundedTrackerStore(Domain.empty(), events=6)
    asyncio.run(store.save(_tracker("a", events=200)))
    assert len(asyncio.run(store.retrieve("a")).events) == 6


def test_trackers_are_bounded_in_time(monkeypatch):
    moment = [1000.0]
    monkeypatch.setattr("bot.nlu.tracker.time.monotonic", lambda: moment[0])
    store = BoundedTrackerStore(Domain.empty(), seconds_to_live=60)
    asyncio.run(store.save(_tracker("old")))
    moment[0] += 61
    assert asyncio.run(store.retrieve("old")) is None
    asyncio.run(store.save(_tracker("new")))
    assert asyncio.run(store.keys()) == ["new"]


def test_every_topic_of_the_knowledge_has_examples_in_both_languages():
    examples = KnowledgeImporter(folder=str(ROOT / "knowledge")).get_nlu_data().intent_examples
    known = knowledge.load(ROOT / "knowledge")
    texts = {example.get("text") for example in examples if example.get("intent") == QUESTION}
    assert {example.get("intent") for example in examples} == {QUESTION, START_GUIDE, *INTENTS_OF_FORMS.values()}
    for topic in known.topics.values():
        for language in knowledge.LANGUAGES:
            assert sum(pair[language] in texts for pair in topic.questions) >= PAIRS_PER_TOPIC, topic.id
    assert {text for pair in known.out_of_scope for text in pair.values()} <= texts


def test_broken_knowledge_ends_the_training_with_its_problems(tmp_path):
    with pytest.raises(knowledge.KnowledgeError, match=r"sources.yml is missing"):
        KnowledgeImporter(folder=str(tmp_path)).get_nlu_data()


def test_the_last_tracker_goes_in_time_too():
    """After the last visitor of the day nobody writes any more, and the text must go all the same."""

    async def last_of_the_day() -> list[str]:
        store = BoundedTrackerStore(Domain.empty(), seconds_to_live=0.05)
        await store.save(_tracker("last"))
        await asyncio.sleep(1.3)
        return list(store._kept)

    assert asyncio.run(last_of_the_day()) == []


def test_the_rest_channel_logs_no_text():
    """On a cancelled request Rasa logs the whole message as an error."""
    from rasa.core.channels import rest

    said = []

    class Spy:
        def error(self, *event, **named):
            said.append((event, named))

    assert isinstance(rest.structlogger, quiet_log.TextlessLogger)
    quiet_log.TextlessLogger(Spy()).error("rest.message.received.timeout", text="mijn geheime vraag")
    assert said == [(("rest.message.received.timeout",), {})]


def test_another_folder_of_knowledge(monkeypatch, tmp_path):
    monkeypatch.setenv("KNOWLEDGE_DIR", str(tmp_path))
    with pytest.raises(knowledge.KnowledgeError, match=r"sources.yml is missing"):
        KnowledgeImporter().get_nlu_data()
