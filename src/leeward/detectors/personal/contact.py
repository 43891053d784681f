"""E-mail addresses, network addresses and phone numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Final

from leeward.detectors.personal.text import THINGS, Hit, Run, Text, any_of

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

EMAIL, IP, PHONE = "pii.email", "pii.ip", "pii.phone"

# RFC 5321: at most 64 characters before the @. Looked for backwards from each @, so the work is linear.
_LOCAL: Final = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}\Z")
_DOMAIN: Final = re.compile(r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}[^\W\d_]{2,24}(?![\w@-])")
_FILES: Final = frozenset((
    "png", "jpg", "jpeg", "gif", "svg", "webp", "css", "js", "ts", "map", "json", "html", "ico", "avif",
))  # fmt: skip
_RESERVED: Final = re.compile(r"(?:^|\.)(?:example\.(?:com|org|net)|example|test|invalid|local|localhost)\Z")
_ROLES: Final = frozenset((
    "info", "support", "contact", "sales", "admin", "administrator", "noreply", "no-reply", "donotreply",
    "do-not-reply", "postmaster", "webmaster", "help", "abuse", "security", "press", "jobs", "billing", "hello",
    "office", "team", "service", "git", "root", "news", "newsletter", "privacy", "legal", "kontakt",
))  # fmt: skip
_IPV4: Final = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)")
_IPV6: Final = re.compile(r"(?<![\w:.])[23][0-9A-Fa-f]{3}:(?:[0-9A-Fa-f]{0,4}:){1,6}[0-9A-Fa-f]{0,4}(?![\w:])")
_VERSION: Final = any_of(
    "v", "ver", "version", "versione", "versión", "versão", "release", "build", "section", "clause"
)
_PHONE: Final = any_of(
    "phone", "tel", "tél", "mobile", "cell", "fax", "call", "dial", "text me", "sms", "whatsapp", "signal", "reach me",
    "appel", "joindre", "portable", "handy", "ruf", "anruf", "llám", "llama", "móvil", "chiama", "cellulare", "ligue",
    "ligar", "telemóvel", "bel ", "bellen", "mobiel", "dzwoń", "zadzwoń", "komórk", "numer", "sună", "zavol", "ring",
    "puhelin", "soita", "τηλέφων", "κινητό", "телефон", "звон", "позвон", "моб", "هاتف", "جوال", "موبايل", "اتصل",
    "טלפון", "फ़ोन", "फोन", "मोबाइल", "ara", "numaram", "điện thoại", "电话", "電話", "手机", "携帯", "전화", "โทร",
)  # fmt: skip
_DATE: Final = re.compile(
    r"(?:19|20)\d\d[-./]?[01]\d[-./]?[0-3]\d|^\d{4}-[01]\d-[0-3]\d|[0-3]?\d[-./][01]?\d[-./](?:19|20)\d\d"
)
# Decimal fractions, and book numbers with a first group of one digit.
_OTHER: Final = re.compile(r"\d+\.\d+|[02-9]-\d.*")
_AMERICAN: Final = re.compile(r"\(\d{3}\) ?\d{3}[-. ]\d{4}|\d{3}([-.])\d{3}\1\d{4}")
_REGIONS: Final = {
    "fr": ("FR", "BE", "CH", "CA"), "de": ("DE", "AT", "CH"), "es": ("ES", "MX", "AR", "CO"), "it": ("IT", "CH"),
    "pt": ("PT", "BR"), "nl": ("NL", "BE"), "pl": ("PL",), "ro": ("RO",), "cs": ("CZ",), "sk": ("SK",), "sv": ("SE",),
    "da": ("DK",), "nb": ("NO",), "no": ("NO",), "fi": ("FI",), "el": ("GR",), "hu": ("HU",), "bg": ("BG",),
    "hr": ("HR",), "uk": ("UA",), "ru": ("RU",), "tr": ("TR",), "ar": ("EG", "SA", "AE", "MA"), "he": ("IL",),
    "hi": ("IN",), "zh": ("CN", "TW", "HK"), "ja": ("JP",), "ko": ("KR",), "vi": ("VN",), "th": ("TH",),
    "en": ("US", "GB", "IE", "AU", "IN"),
}  # fmt: skip
_ANY_REGION: Final = ("US", "GB", "FR", "DE", "ES", "IT")
# Parsing a number costs tens of microseconds, so that a page of numbers is not parsed to its end.
_MOST_PARSED: Final = 24


def emails(text: Text) -> Iterator[Hit]:
    """Yield e-mail addresses."""
    at = text.plain.find("@")
    while at != -1:
        local = _LOCAL.search(text.plain, max(0, at - 64), at)
        domain = _DOMAIN.match(text.plain, at + 1)
        if local and domain and not local.group().startswith("."):
            start = local.start() + len(local.group()) - len(local.group().lstrip("'`*{|=/"))
            if start < at:
                yield Hit(EMAIL, start, domain.end(), _email(text.lower[start:at], domain.group().lower()), "RFC 5321")
        at = text.plain.find("@", at + 1)


def _email(local: str, domain: str) -> float:
    if domain.rsplit(".", 1)[-1] in _FILES:
        return 0.02
    if _RESERVED.search(domain):
        return 0.2
    return 0.35 if local in _ROLES else 0.97


def addresses(text: Text) -> Iterator[Hit]:
    """Yield IP addresses; public ones are likelier to be somebody's."""
    if text.plain.count(".") >= 3:
        for found in _IPV4.finditer(text.plain):
            try:
                address = IPv4Address(found.group())
            except AddressValueError:
                continue
            is_version = text.is_near(_VERSION, found.start()) or max(address.packed) < 20
            sure = 0.1 if is_version else 0.75 if address.is_global else 0.2
            yield Hit(IP, *found.span(), sure, "IPv4")
    if text.plain.count(":") >= 2:
        for found in _IPV6.finditer(text.plain):
            try:
                is_global = IPv6Address(found.group()).is_global
            except AddressValueError:
                continue
            yield Hit(IP, *found.span(), 0.9 if is_global else 0.2, "IPv6")


def phones(text: Text) -> Iterator[Hit]:
    """Yield phone numbers: international ones that exist, national ones that a word or their shape gives away."""
    parsed = 0
    for run in text.runs:
        if not 7 <= len(run.digits) <= 17 or not run.is_free or len(set(run.digits)) < 3:
            continue
        sure = _promise(text, run)
        if sure == 0.0:
            continue
        parsed += 1
        if parsed > _MOST_PARSED:
            return
        if region := _region(run, text.language):
            yield Hit(PHONE, run.start, run.stop, sure, region)


def _promise(text: Text, run: Run) -> float:
    """Return how sure a number in `run` would be, 0 when it is not worth parsing."""
    is_named = text.is_near(_PHONE, run.start)
    if run.text.startswith("+"):
        return 0.97 if is_named else 0.93
    if _DATE.search(run.text) or _OTHER.fullmatch(run.text):
        return 0.0
    if is_named:
        return 0.92
    if run.text.startswith("00") and len(run.digits) >= 11 and len(run.groups) > 1:
        return 0.8
    if len(run.digits) < 9 or text.is_near(THINGS, run.start):
        return 0.0
    if _AMERICAN.fullmatch(run.text):
        return 0.75
    least_groups = 4 if text.language == "und" else 3
    is_grouped = len(run.groups) >= least_groups and run.groups[0] > 1
    return 0.7 if is_grouped and run.digits[0] == "0" and run.digits[1] != "0" else 0.0


def _region(run: Run, language: str) -> str:
    """Return the region in whose plan the number exists, or nothing."""
    import phonenumbers

    if run.text.startswith(("+", "00")):
        number = _parse("+" + run.digits.removeprefix("00"), None)
        if number is None or not phonenumbers.is_valid_number(number):
            return ""
        return phonenumbers.region_code_for_number(number) or "international"
    for region in _REGIONS.get(language, _ANY_REGION):
        number = _parse(run.text, region)
        if number is not None and phonenumbers.is_valid_number_for_region(number, region):
            return region
    return ""


def _parse(text: str, region: str | None) -> PhoneNumber | None:
    import phonenumbers

    try:
        return phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
