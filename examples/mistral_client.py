"""Leeward behind the `mistralai` package: only the address changes."""

from __future__ import annotations

import os

from mistralai.client import Mistral
from mistralai.client.errors import SDKError

URL = os.environ.get("LEEWARD_URL", "http://127.0.0.1:8080")
MODEL = os.environ.get("LEEWARD_MODEL", "mistral-7b-scripted")

client = Mistral(server_url=URL, api_key=os.environ.get("LEEWARD_KEY", "unused"))


def chat(text: str) -> None:
    """Ask once and print the answer."""
    reply = client.chat.complete(model=MODEL, messages=[{"role": "user", "content": text}])
    choice = reply.choices[0]
    print(f"> {text}\n{choice.message.content if choice.message else ''}\n  finish_reason {choice.finish_reason}\n")


def chat_guarded(text: str) -> None:
    """Ask with Mistral's own `guardrails`; Leeward honours them with its detectors and answers 403 as Mistral does."""
    guardrails = [{"moderation_llm_v2": {"action": "block", "custom_category_thresholds": {"pii": 0.5}}}]
    print(f"> {text}")
    try:
        client.chat.complete(model=MODEL, messages=[{"role": "user", "content": text}], guardrails=guardrails)
    except SDKError as error:
        print(f"  {error.status_code} {error.body[:120]}…\n")


def moderate(text: str) -> None:
    """Score a text with the local detectors, in Mistral's shape."""
    result = client.classifiers.moderate(model="mistral-moderation-latest", inputs=text).results[0]
    highest = sorted((result.category_scores or {}).items(), key=lambda score: -score[1])[:3]
    print(f"> {text}\n  {', '.join(f'{name} {score:.2f}' for name, score in highest)}")


if __name__ == "__main__":
    chat("What is the capital of France?")
    chat_guarded("Please call me: my card number is 4111 1111 1111 1111.")
    moderate("Transfer it to DE89 3704 0044 0532 0130 00, please.")
