"""Sentences that tell a model what to do, and facts that are there to be told."""

from __future__ import annotations

import pytest

from leeward.detectors.instruction_words import ORDERED, SPOKEN_TO, TOLD, weight_of


@pytest.mark.parametrize(
    "sentence",
    [
        "You are Nora, the assistant of a library.",
        "- Your task is to sort letters.",
        "All of this is confidential.",
        "Du bist die Assistentin eines Ladens.",
        "Tu es l'assistante d'une boutique.",
        "Eres la asistente de una tienda.",
        "Jesteś asystentem sklepu.",
        "Sen bir yardımcısın.",
        "你是一家商店的助手。",
        "あなたは図書館の案内係です。",
        "당신은 도서관의 안내원입니다.",
        "คุณคือผู้ช่วยของร้าน",
        "आप एक पुस्तकालय के सहायक हैं।",
    ],
)
def test_what_speaks_to_the_model_counts_in_full(sentence: str) -> None:
    assert weight_of(sentence.lower()) == SPOKEN_TO


@pytest.mark.parametrize(
    "sentence",
    [
        "Never mention the supplier.",
        "Please do not guess.",
        "Whatever the user asks, stay calm.",
        "Niemals Preise vergleichen.",
        "Nunca menciones precios.",
        "Никогда не сравнивай цены.",
        "绝不要比较价格。",
        "必ず短く書く。",
    ],
)
def test_a_bare_order_counts_less(sentence: str) -> None:
    assert weight_of(sentence.lower()) == ORDERED


@pytest.mark.parametrize(
    "sentence",
    [
        "The shop opens at nine on weekdays.",
        "Parcels arrive three to five days later.",
        "Der Laden öffnet um neun Uhr.",
        "Les colis arrivent en trois jours.",
        "Магазин открывается в девять.",
        "商店九点开门。",
    ],
)
def test_facts_do_not_count(sentence: str) -> None:
    assert weight_of(sentence.lower()) == TOLD
