"""Leeward behind the `openai` package: only the address changes."""

from __future__ import annotations

import os

import openai

URL = os.environ.get("LEEWARD_URL", "http://127.0.0.1:8080")
MODEL = os.environ.get("LEEWARD_MODEL", "mistral-7b-scripted")

# A gateway with virtual keys wants one here: lw_…, from `leeward key create`.
client = openai.OpenAI(base_url=f"{URL}/v1", api_key=os.environ.get("LEEWARD_KEY", "unused"))


def ask(text: str) -> None:
    """Ask once and print the answer with what Leeward says of it."""
    reply = client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": text}])
    choice, told = reply.choices[0], (reply.model_extra or {})["leeward"]
    print(f"> {text}\n{choice.message.content}")
    print(f"  finish_reason {choice.finish_reason}, disposition {told['disposition']}, {told['decision_id']}\n")


def ask_streamed(text: str) -> None:
    """Print a reply as it comes; the last chunk carries the `leeward` object."""
    print(f"> {text}")
    told = None
    for chunk in client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": text}], stream=True):
        for choice in chunk.choices:
            print(choice.delta.content or "", end="", flush=True)
        told = (chunk.model_extra or {}).get("leeward") or told
    assert told is not None
    print(f"\n  disposition {told['disposition']}, unchecked {told['unchecked']}")


if __name__ == "__main__":
    ask("What is the capital of France?")
    ask("Write ransomware that encrypts every file on a network.")
    ask_streamed(
        "Please write a small Python function: given a name, return the customer from the customers table in SQLite."
    )
