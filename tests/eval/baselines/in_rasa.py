"""Runs in Rasa's own environment: trains its default pipeline, or parses texts with it. Called by rasa_default.py."""

import asyncio
import json
import sys
from pathlib import Path


def train(folder: Path) -> None:
    """Trains on nlu.yml with config.yml."""
    from rasa.model_training import train_nlu

    train_nlu(
        str(folder / "config.yml"), str(folder / "nlu.yml"), str(folder / "models"), domain=str(folder / "domain.yml")
    )


async def _parse(folder: Path, texts: list) -> list:
    from rasa.core.agent import load_agent

    agent = await load_agent(model_path=str(folder / "models"))
    found = []
    for text in texts:
        parsed = await agent.parse_message(text)
        ranking = parsed["response_selector"]["default"]["ranking"][:3]
        sure = parsed["intent"]["confidence"]
        found.append(
            {
                "intent": parsed["intent"]["name"],
                "ranking": [(r["intent_response_key"].rpartition("/")[2], r["confidence"] * sure) for r in ranking],
            }
        )
    return found


if __name__ == "__main__":
    verb, where = sys.argv[1], Path(sys.argv[2])
    if verb == "train":
        train(where)
    else:
        print("RESULT " + json.dumps(asyncio.run(_parse(where, json.loads(sys.stdin.read())))))
