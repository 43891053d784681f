"""National identity, tax and social security numbers, and passports."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Final, Protocol, cast

from leeward.detectors.personal.text import THINGS, Hit, Run, Text, any_of

NATIONAL_ID, PASSPORT = "pii.national_id", "pii.passport"


class _Format(Protocol):
    """A module of python-stdnum."""

    def is_valid(self, number: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class Scheme:
    """How one country numbers people.

    Attributes:
        country: ISO 3166 code.
        module: Module of python-stdnum that checks dates and check digits.
        shape: Expression over the number as written.
        sure: Confidence when no word tells what it is: how rarely other numbers pass by chance.
        lengths: For numbers of digits only: how many.
        shaped: Confidence when it is written in groups, as `shape` tells; 0 when grouping tells nothing.
    """

    country: str
    module: str
    sure: float
    lengths: tuple[int, ...] = ()
    shape: str = ""
    shaped: float = 0.0
    written: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "written", re.compile(self.shape or r"(?!)"))


_STRONG, _FAIR, _WEAK = 0.85, 0.65, 0.3

# Digits only, perhaps grouped.
DIGITS: Final = (
    Scheme("US", "us.ssn", 0.2, (9,), r"\d{3}-\d{2}-\d{4}", 0.75),
    Scheme("NL", "nl.bsn", _WEAK, (9,), r"\d{4}[. ]\d{2}[. ]\d{3}", 0.6),
    Scheme("PT", "pt.nif", _WEAK, (9,)),
    Scheme("CA", "ca.sin", _WEAK, (9,), r"\d{3}[- ]\d{3}[- ]\d{3}", 0.55),
    Scheme("IL", "il.idnr", _WEAK, (9,)),
    Scheme("CZ", "cz.rc", _WEAK, (9, 10), r"\d{6}/\d{3,4}", 0.9),
    Scheme("GB", "gb.nhs", _WEAK, (10,), r"\d{3} \d{3} \d{4}", 0.6),
    Scheme("BG", "bg.egn", 0.45, (10,)),
    Scheme("DK", "dk.cpr", _WEAK, (10,), r"\d{6}-\d{4}", 0.75),
    Scheme("SE", "se.personnummer", _WEAK, (10, 12), r"(?:\d{2})?\d{6}[-+]\d{4}", 0.9),
    Scheme("IS", "is_.kennitala", _WEAK, (10,), r"\d{6}-\d{4}", 0.8),
    Scheme("AT", "at.vnr", _WEAK, (10,), r"\d{4} \d{6}", 0.8),
    Scheme("PL", "pl.pesel", _FAIR, (11,)),
    Scheme("DE", "de.idnr", 0.45, (11,), r"\d{2} \d{3} \d{3} \d{3}", 0.8),
    Scheme("BE", "be.nn", _FAIR, (11,), r"\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}", 0.95),
    Scheme("NO", "no.fodselsnummer", _FAIR, (11,), r"\d{6} \d{5}", 0.9),
    Scheme("EE", "ee.ik", _FAIR, (11,)),
    Scheme("LT", "lt.asmens", _FAIR, (11,)),
    Scheme("LV", "lv.pvn", _WEAK, (11,), r"\d{6}-\d{5}", 0.85),
    Scheme("HR", "hr.oib", _WEAK, (11,)),
    Scheme("GR", "gr.amka", 0.55, (11,)),
    Scheme("TR", "tr.tckimlik", 0.45, (11,)),
    Scheme("BR", "br.cpf", 0.45, (11,), r"\d{3}\.\d{3}\.\d{3}-\d{2}", 0.95),
    Scheme("IN", "in_.aadhaar", 0.4, (12,), r"\d{4} \d{4} \d{4}", 0.7),
    Scheme("RO", "ro.cnp", _STRONG, (13,)),
    Scheme("SI", "si.emso", _STRONG, (13,)),
    Scheme("CH", "ch.ssn", _FAIR, (13,), r"756\.\d{4}\.\d{4}\.\d{2}", 0.97),
    Scheme("KR", "kr.rrn", _FAIR, (13,), r"\d{6}-\d{7}", 0.9),
    Scheme("ZA", "za.idnr", _FAIR, (13,)),
    Scheme("FR", "fr.nir", _STRONG, (15,), r"\d \d\d \d\d \d\d \d{3} \d{3} ?\d\d", 0.97),
    Scheme("CN", "cn.ric", 0.9, (18,)),
)

# With letters in them.
LETTERED: Final = (
    Scheme("ES", "es.dni", 0.85, (), r"\d{8}-?[A-Z]"),
    Scheme("ES", "es.nie", 0.9, (), r"[XYZ]-?\d{7}-?[A-Z]"),
    Scheme("IT", "it.codicefiscale", 0.97, (), r"[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z]"),
    Scheme("GB", "", 0.75, (), r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z](?: ?\d{2}){3} ?[A-D]"),
    Scheme("FI", "fi.hetu", 0.9, (), r"\d{6}[-+ABCDEFYXWVU]\d{3}[0-9A-Y]"),
    Scheme("IE", "ie.pps", 0.7, (), r"\d{7}[A-W][ABWTX]?"),
    Scheme("MX", "mx.curp", 0.97, (), r"[A-Z]{4}\d{6}[HM][A-Z]{5}[0-9A-Z]\d"),
    Scheme("IN", "in_.pan", 0.6, (), r"[A-Z]{5}\d{4}[A-Z]"),
    Scheme("CN", "cn.ric", 0.95, (), r"\d{17}X"),
    Scheme("CL", "cl.rut", 0.75, (), r"\d{1,2}\.?\d{3}\.?\d{3}-[\dkK]"),
)

_BY_LENGTH: Final[dict[int, list[Scheme]]] = defaultdict(list)
for _scheme in DIGITS:
    for _length in _scheme.lengths:
        _BY_LENGTH[_length].append(_scheme)
_LETTERED: Final = re.compile(
    r"(?<![\w.-])(?:" + "|".join(f"({scheme.shape})" for scheme in LETTERED) + r")(?![\w]|[.-]\w)"
)
_ID_WORDS: Final = any_of(
    "ssn", "social security", "national id", "national insurance", "nino", "nhs", "tax id", "taxpayer",
    "id number", "id no", "identity number", "identification", "personal number", "personal code", "citizen",
    "sécurité sociale", "numéro de sécu", "numéro fiscal", "steuer", "idnr", "sozialversicherung", "ahv", "avs",
    "dni", "nie", "nif", "cédula", "cedula", "curp", "codice fiscale", "cpf", "contribuinte",
    "cartão de cidadão", "bsn", "burgerservice", "sofi", "rijksregister", "registre national", "pesel", "cnp",
    "rodné", "rodne", "personnummer", "cpr", "kennitala", "hetu", "henkilötunnus", "fødselsnummer", "isikukood",
    "asmens kod", "personas kod", "egn", "егн", "oib", "emšo", "emso", "amka", "αμκα", "αφμ", "kimlik", "t.c.",
    "aadhaar", "aadhar", "pan card", "pps", "снилс", "инн", "ת.ז", "תעודת זהות", "رقم الهوية", "الهوية", "आधार",
    "身份证", "身分證", "マイナンバー", "주민등록", "주민번호", "rut ", "sin ", "tin ", "nir ",
)  # fmt: skip
_PASSPORT_WORDS: Final = any_of(
    "passport", "passeport", "reisepass", "passnummer", "pasaporte", "passaporto", "passaporte", "paspoort", "paszport",
    "pașaport", "pasaport", "pas číslo", "cestovní pas", "pass nr", "passi", "διαβατήρι", "паспорт", "útlevél",
    "جواز", "דרכון", "पासपोर्ट", "护照", "護照", "パスポート", "旅券", "여권", "hộ chiếu",
)  # fmt: skip
_PASSPORT: Final = re.compile(
    r"(?<![\w.-])(?:[A-Z]{1,3} ?\d{6,8}|\d{8,9}|\d{2}[A-Z]{2}\d{5}|[A-Z]\d{2}[A-Z]\d{5}"
    r"|[CFGHJK][0-9CFGHJKLMNPRTVWXYZ]{8})(?!\w|[.-]\w)"
)


def open_schemes() -> None:
    """Load the checks of all schemes, so that the first text does not wait for them."""
    for scheme in (*DIGITS, *LETTERED):
        if scheme.module:
            _format(scheme.module)


@cache
def _format(module: str) -> _Format:
    return cast(_Format, import_module(f"stdnum.{module}"))


def national_ids(text: Text) -> Iterator[Hit]:
    """Yield identity numbers whose check digits and dates agree."""
    for run in text.runs:
        if run.is_free and run.text[0] not in "+(" and len(set(run.digits)) > 2:
            yield from _digits(text, run)
    for found in _LETTERED.finditer(text.plain):
        scheme = LETTERED[(found.lastindex or 1) - 1]
        if not scheme.module or _format(scheme.module).is_valid(found.group()):
            sure = 0.97 if text.is_near(_ID_WORDS, found.start()) else scheme.sure
            yield Hit(NATIONAL_ID, *found.span(), sure, scheme.country)


def _digits(text: Text, run: Run) -> Iterator[Hit]:
    """Yield the surest reading of one run."""
    fitting = [s for s in _BY_LENGTH.get(len(run.digits), ()) if _format(s.module).is_valid(run.text)]
    if not fitting:
        return
    sure, country = max((_sure(scheme, run), scheme.country) for scheme in fitting)
    if text.is_near(_ID_WORDS, run.start):
        sure = 0.95
    elif sure < _STRONG and text.is_near(THINGS, run.start):
        sure = _WEAK
    yield Hit(NATIONAL_ID, run.start, run.stop, sure, country)


def _sure(scheme: Scheme, run: Run) -> float:
    """Return how sure the number of `run` is when no word tells what it is."""
    if scheme.shaped and scheme.written.fullmatch(run.text):
        return scheme.shaped
    return scheme.sure if len(run.groups) == 1 else min(scheme.sure, _WEAK)


def passports(text: Text) -> Iterator[Hit]:
    """Yield passport numbers; only where a word says that it is one, since most have no check digit."""
    if _PASSPORT_WORDS.search(text.lower) is None:
        return
    for found in _PASSPORT.finditer(text.plain):
        if text.is_near(_PASSPORT_WORDS, found.start()) and any(c.isdigit() for c in found.group()):
            yield Hit(PASSPORT, *found.span(), 0.85, "named as a passport")
