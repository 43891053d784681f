from __future__ import annotations

import subprocess
import sys
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeward.detectors.pii import Pii
from leeward.domain.finding import NOTHING
from leeward.domain.view import Layer, Stage, View

_FIRES = 0.5


@pytest.fixture(scope="module")
def detector() -> Pii:
    opened = Pii()
    opened.open()
    return opened


def _found(detector: Pii, text: str, language: str = "und") -> list[tuple[str, str]]:
    """Return hazard and text of everything that would fire."""
    findings = detector.examine(View(text, Stage.PROMPT, language=language)).findings
    return [(f.hazard, text[f.span.start : f.span.stop]) for f in findings if f.span and f.confidence >= _FIRES]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("mail jane.doe@acme.fr please", "jane.doe@acme.fr"),
        ("<j+tag_1@mail.acme.co.uk>", "j+tag_1@mail.acme.co.uk"),
        ("écrivez à zoé@société.fr.", "zoé@société.fr"),
        ("'o.brien@acme.ie'", "o.brien@acme.ie"),
        ("mailto:jane@acme.de?subject=x", "jane@acme.de"),
        ("联系 li.wei@acme.cn。", "li.wei@acme.cn"),
    ],
)
def test_email_addresses_are_found(detector: Pii, text: str, address: str) -> None:
    found = _found(detector, text)

    assert len(found) == 1
    assert found[0][0] == "pii.email"
    assert address in found[0][1]


@pytest.mark.parametrize(
    ("text", "language", "number"),
    [
        ("call +33 6 12 34 56 78 now", "en", "+33 6 12 34 56 78"),
        ("+1 (415) 555-2671", "und", "+1 (415) 555-2671"),
        ("0049 30 901820 ist die Nummer", "de", "0049 30 901820"),
        ("appelez le 06 12 34 56 78", "fr", "06 12 34 56 78"),
        ("mein Handy: 0151 23456789", "de", "0151 23456789"),
        ("llámame al 612 34 56 78", "es", "612 34 56 78"),
        ("il mio cellulare è 347 123 4567", "it", "347 123 4567"),
        ("(415) 555-2671", "en", "(415) 555-2671"),
        ("هاتف ٠١٠٠١٢٣٤٥٦٧", "ar", "٠١٠٠١٢٣٤٥٦٧"),
        ("手机 13812345678", "zh", "13812345678"),
        ("tel:0612345678", "fr", "0612345678"),
    ],
)
def test_phone_numbers_are_found_by_plan_shape_and_words(detector: Pii, text: str, language: str, number: str) -> None:
    assert _found(detector, text, language) == [("pii.phone", number)]


@pytest.mark.parametrize(
    "number",
    ["DE89 3704 0044 0532 0130 00", "FR1420041010050500013M02606", "GB82-WEST-1234-5698-7654-32", "nl91abna0417164300"],
)
def test_bank_accounts_are_found_and_end_where_they_end(detector: Pii, number: str) -> None:
    assert _found(detector, f"pay to {number} and more") == [("pii.iban", number)]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("4111 1111 1111 1111", "4111 1111 1111 1111"),
        ("5555-5555-5555-4444 please", "5555-5555-5555-4444"),
        ("amex 378282246310005", "378282246310005"),
        ("card 4111 1111 1111 1111 12/27 123", "4111 1111 1111 1111"),
        ("ma carte: 4000000000000002", "4000000000000002"),
    ],
)
def test_payment_cards_are_found(detector: Pii, text: str, number: str) -> None:
    assert _found(detector, text) == [("pii.card", number)]


@pytest.mark.parametrize(
    ("country", "number", "word"),
    [
        ("US", "536-90-4399", ""),
        ("US", "536904399", "SSN"),
        ("GB", "AB 12 34 56 C", ""),
        ("GB", "9434765870", "NHS number"),
        ("FR", "184127645108946", ""),
        ("FR", "1 84 12 76 451 089 46", ""),
        ("DE", "36574261809", "Steuer-ID"),
        ("ES", "54362315K", ""),
        ("ES", "X2482300W", ""),
        ("IT", "MRTMTT91D08F205J", ""),
        ("PT", "501964843", "NIF"),
        ("NL", "111222333", "BSN"),
        ("BE", "85.07.30-033.28", ""),
        ("PL", "44051401359", ""),
        ("RO", "1630615123457", ""),
        ("CZ", "710319/2745", ""),
        ("SE", "880320-0016", ""),
        ("DK", "211062-5629", ""),
        ("FI", "131052-308T", ""),
        ("NO", "15108695088", ""),
        ("EE", "36805280109", ""),
        ("LT", "33309240064", ""),
        ("BG", "7523169263", "ЕГН"),
        ("HR", "33392005961", "OIB"),
        ("SI", "0101006500006", ""),
        ("GR", "01013099997", "ΑΜΚΑ"),
        ("CH", "756.9217.0769.85", ""),
        ("TR", "17291716060", "T.C. kimlik"),
        ("BR", "390.533.447-05", ""),
        ("MX", "BOXW310820HNERXN09", ""),
        ("IN", "234123412346", "Aadhaar"),
        ("CN", "360426199101010071", ""),
        ("KR", "971013-9019902", ""),
        ("ZA", "7503305044089", ""),
        ("IE", "6433435F", ""),
        ("CL", "12.531.909-2", ""),
        ("CA", "123-456-782", "SIN "),
    ],
)
def test_identity_numbers_of_many_countries_are_found(detector: Pii, country: str, number: str, word: str) -> None:
    text = f"{word}: {number}"

    assert _found(detector, text) == [("pii.national_id", number)]


@pytest.mark.parametrize(
    ("number", "word"),
    [("44051401358", "PESEL"), ("390.533.447-06", "CPF"), ("184127645108947", "NIR "), ("54362315A", "DNI")],
)
def test_a_wrong_check_digit_is_no_identity_number(detector: Pii, number: str, word: str) -> None:
    assert not [hazard for hazard, _ in _found(detector, f"{word}: {number}") if hazard == "pii.national_id"]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("passport number X1234567", "X1234567"),
        ("mon passeport est le 12AB34567", "12AB34567"),
        ("Reisepass C01X00T47", "C01X00T47"),
        ("护照号码 E12345678", "E12345678"),
    ],
)
def test_passports_are_found_where_a_word_says_so(detector: Pii, text: str, number: str) -> None:
    assert _found(detector, text) == [("pii.passport", number)]


@pytest.mark.parametrize(
    ("text", "address"), [("from 81.2.69.142", "81.2.69.142"), ("2a02:26f0:ef::1", "2a02:26f0:ef::1")]
)
def test_public_network_addresses_are_found(detector: Pii, text: str, address: str) -> None:
    assert _found(detector, text) == [("pii.ip", address)]


@pytest.mark.parametrize(
    "text",
    [
        "order 1234567890123 shipped on 2024-01-15 10:30:00",
        "ISBN 978-3-16-148410-0, also 9783161484100 and 0-306-40615-2",
        "version 10.2.3.4 and 1.2.3.4, released 01.02.2024",
        "EC2 i-0abcd1234ef567890, c4.large, s3://bucket/2024/01/15, arn:aws:s3:::b",
        "d41d8cd98f00b204e9800998ecf8427e",
        "550e8400-e29b-41d4-a716-446655440000",
        "unix 1700000000 and 1700000000000",
        "pi is 3.14159265358979 and the place 48.8566, 2.3522",
        "invoice 2024-000123456, RFC 5321, doi 10.1000/182",
        "react@18.2.0, icon@2x.png, @mention, a@b, user@localhost",
        "write to info@acme.com, noreply@acme.com or you@example.com; git@github.com:a/b.git",
        "127.0.0.1 10.0.0.1 192.168.1.1 0.0.0.0 255.255.255.0",
        "at 12:30:45 std::vector 00:1A:2B:3C:4D:5E",
        "order number 4111111111111111, invoice 44051401359",
        "4111 1111 1111 1112 and 0000000000000000",
        "1,234,567,890 and 1 000 000 000 and $12,000,000.00",
        "call f(1234567.89) on 1066-10-13, and ring the book 0-395-19395-8 up",
        "phone home in 2024 to 300 people",
        "x = 123456789; y = 0x1F2E3D4C5B",
        "the years 1990 1991 1992 1993 1994",
        "GB00 is not an account, nor is DE12 3456",
    ],
)
def test_what_only_looks_like_personal_data_does_not_fire(detector: Pii, text: str) -> None:
    assert _found(detector, text, "en") == []


def test_text_without_digits_and_at_signs_is_left_alone(detector: Pii) -> None:
    assert detector.examine(View("Nobody is named here, and nothing is counted.", Stage.REPLY)) is NOTHING


def test_several_things_are_found_in_the_order_of_the_text(detector: Pii) -> None:
    text = "Jane, jane@acme.fr, +33 6 12 34 56 78, DE89370400440532013000"

    assert [hazard for hazard, _ in _found(detector, text)] == ["pii.email", "pii.phone", "pii.iban"]


def test_findings_never_quote_and_say_what_to_put_in_place(detector: Pii) -> None:
    (found,) = detector.examine(View("jane@acme.fr", Stage.REPLY)).findings

    assert "jane" not in repr(found)
    assert found.replacement == "[e-mail address]"


def test_spans_count_characters_of_the_source(detector: Pii) -> None:
    source = "\u200bjane@\u200bacme.fr"
    plain = Layer("plain", "jane@acme.fr", offsets=[1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14])

    (found,) = detector.examine(View(source, Stage.PROMPT, layers=(plain,))).findings

    assert found.span is not None
    assert source[found.span.start : found.span.stop] == "jane@\u200bacme.fr"


@given(st.text(alphabet="0123456789@.+-()/: abcXYZéİß٣:", max_size=200))
def test_whatever_the_text_spans_lie_inside_and_do_not_overlap(text: str) -> None:
    spans = [f.span for f in Pii().examine(View(text, Stage.PROMPT, language="fr")).findings if f.span]

    assert all(0 <= s.start < s.stop <= len(text) for s in spans)
    assert all(a.stop <= b.start for a, b in pairwise(spans))


@pytest.mark.parametrize(
    "text", ["1" * 50_000, "1 " * 25_000, "a@" * 25_000, "a.b@" + "a." * 25_000, "1:" * 25_000, "+1-(" * 12_000]
)
def test_hostile_text_comes_to_an_end(detector: Pii, text: str) -> None:
    assert len(detector.examine(View(text, Stage.PROMPT)).findings) < len(text)


def test_the_plans_of_phone_numbers_are_not_loaded_before_a_phone_number() -> None:
    program = (
        "import sys; from leeward.detectors.pii import Pii; from leeward.domain.view import View, Stage\n"
        "p = Pii(); p.open(); p.examine(View('in 2024, jane@acme.fr', Stage.PROMPT))\n"
        "print('phonenumbers' in sys.modules)"
    )

    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert told.stdout.strip() == "False"
