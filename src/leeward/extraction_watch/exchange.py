"""What one exchange shows by itself: its sampling, its wording, its shape."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple
from zlib import crc32

import re2

from leeward.domain.view import Fact

_READ_CHARS = 4_000
_FRAME_CHARS = 240

# Chat templates sent as text, so that the model makes up the user's part (Xu et al. 2024, arXiv:2406.08464).
_CONTROL = re.compile(r"</?[|\uff5c]?[\w\u2581]{1,30}[|\uff5c]?>|\[/?INST\]|<</?SYS>>")
_ROLES = re.compile(
    r"\b(?:system|user|assistant|model|human|instructions?|question|prompt|q)\b|you are a helpful assistant"
)
# Labels of a turn that is left empty, as base models are prompted.
_LABEL = re.compile(r"^\W*(?:###? ?)?(?:user|human|instruction|question|prompt|q) ?:\W*$", re.IGNORECASE)

# Wording that asks for training data (Wang et al. 2023, arXiv:2212.10560; Xu et al. 2023, arXiv:2304.12244).
_DATA_WANTED = re2.compile(
    r"(?i)(?:set|list|batch) of \d{1,4} (?:diverse |different |new )?(?:task )?(?:instructions|tasks|prompts)"
    r"|come up with (?:a (?:set|series|list) of |\d{1,4} )?(?:diverse |new |different )?(?:task|instruction|prompt)s?\b"
    r"|(?:make|rewrite) (?:this|the given|the following|the above|#?the given) (?:prompt|instruction|question)s? "
    r"(?:in)?to (?:a |be )?(?:more|harder)|make this (?:prompt|instruction|question) (?:more|harder)"
    r"|create a (?:brand )?new (?:prompt|instruction|question) (?:in the same|inspired|similar|based)"
    r"|(?:prompt|instruction) (?:rewriter|creator|evolver)"
    r"|increase the (?:complexity|difficulty) of the (?:\w+ )?(?:prompt|instr)"
    r"|generate \d{1,4} (?:diverse |new |different |more )?(?:instruction|prompt|training)s?\b"
    r"|(?:training|fine-?tuning|instruction|sft) (?:data ?set|data|examples|samples|pairs)\b"
    r".{0,40}(?:model|json|format|instruction)"
    r"|(?:instruction|prompt|question)[- ](?:and[- ])?(?:response|answer|output|completion)s?[- ](?:pair|example)"
    r"|(?:diverse|novel|synthetic) (?:tasks|instructions|prompts|questions)\b"
    r"|(?:new|similar) (?:instructions|prompts)\b"
    r"|(?:generator|writer|author|creator) of (?:tasks|instructions|prompts|questions)"
    r"|(?:variations?|variants?|paraphrases|rewrites?) of (?:this|the|each|my)[a-z ]{0,20} ?(?:prompt|instruction)"
    r"|(?:rewritten|evolved|harder|new) (?:prompt|instruction)\b"
    r"|\binstruction\W{1,4}(?:optional )?input\W{1,4}(?:and )?\W?(?:output|response)"
    r"|\bseed (?:task|instruction|prompt)s?\b"
    r"|(?:produce|generate|create|write|give|make) (?:me )?\d{1,4} (?:\w+ ){0,2}(?:tasks|instructions|prompts)\b"
)
_REASONING_WANTED = re2.compile(
    r"(?i)(?:show|give|write|output|include|explain|provide|print) (?:me )?(?:\S+ ){0,4}?(?:your |the )?"
    r"(?:complete|full|entire|detailed|whole|internal|hidden) "
    r"(?:chain of thought|reasoning|thought process|thinking|thoughts)|with your (?:full|complete) reasoning"
)
# Capital letters: contracts number their clauses (a), (b).
_OPTIONS = re2.compile(
    r"(?s)\(A\) .{1,200}?\(B\) |(?:^|\n)\W?A[.):] [^\n]*\n+\W?B[.):] |\bA\) .{1,150}?\bB\) |[Oo]ptions:\s+- .{1,80}\n- "
)
_EXAM = re2.compile(
    r"(?i)which of the following|\btrue or false\b|multiple[- ]choice|\bplausible\?|complete the rest of the sequence"
    r"|\bsort the following|\bpremise: .{1,300}hypothesis:|if you follow these"
)
_ANSWERS = ("answer:", "solution:", "\na:")
# A task written into a form, as models are tuned on it.
_WRITTEN_TASK = re2.compile(r"(?i)\b(?:instruction|task|prompt)s? ?:\s*\S")
_NUMBER = re.compile(r"\d[\d.,]*|\b(?:two|three|four|five|six|seven|eight|nine|ten|twice|half|dozen)\b")
_LABELS = re2.compile(r"(?m)^(?:\W{0,3}[^\s:]{2,24}(?: [^\s:]{1,16}){0,2}: ?|<[a-z_]{2,20}>)")
_QUESTION = frozenset("?？؟")
_QUANTITY = re2.compile(r"(?i)\bhow (?:many|much|long|old|far|tall)\b|\bwhat(?:['’]s| is| was| percent| year)\b")
# How people write who talk to somebody, not how tasks are written down.
_TALK = re2.compile(
    r"(?i)\b(?:i|i'm|im|i've|ive|my|me|we|our|us|hi|hello|hey|thanks|thank|please|pls|you|your|u|ok|sorry)\b"
    r"|\b(?:je|j'ai|mon|ma|nous|bonjour|merci|ich|mein|meine|wir|hallo|danke|bitte|yo|mi|hola|gracias|io|mio|ciao)\b"
)
_ORDERS = frozenset(
    """
    add analyse analyze answer arrange assign brainstorm break calculate categorise categorize check choose classify
    combine come compare complete compose compute construct convert correct count create decide define describe
    design detect determine develop devise discuss distinguish divide draft draw edit elaborate estimate evaluate
    examine expand explain extract fill find finish formulate generate give group identify illustrate imagine implement
    improve infer invent judge list make match mention modify name organise organize outline output paraphrase pick
    plan predict prepare print produce propose prove provide put rank rate read recommend rename reorder rephrase
    replace report research return reverse revise rewrite search select separate show simplify solve sort specify
    state suggest summarise summarize suppose take tell transform translate turn use verify write
    donne donnez écris écrivez explique expliquez décris décrivez nenne nennen schreibe schreiben erkläre erklären
    beschreibe beschreiben escribe escriba explica explique describe describa enumera scrivi spiega descrivi elenca
    """.split()  # noqa: SIM905 - as below
)
_FUNCTION_WORDS = frozenset(
    """
    a an the of to in on at for from with by and or but is are was were be been do does did have has had not no i you he
    she it we they my your his her its our their me him us them this that these those what which who how why when where
    if as so can will would le la les un une des du de et est en je tu il que qui pour dans sur der die das und ist ein
    eine zu den mit ich sie nicht el los las y es por con para una di e che per non o os um uma em na het een van ik w z
    nie jest si da nu og er det
    """.split()  # noqa: SIM905 - two hundred short words are easier to read as text
)


class Exchange(NamedTuple):
    """One exchange as this package sees it; holds hashes of the text, never the text.

    Attributes:
        t: Seconds; only differences count.
        text: Hash of what the user wrote.
        frame: Hash of its first two words.
        opening: Hash of its first four words.
        labels: Hashes of words that stand before a colon at the start of a line; an application's own, mostly.
        words: Hashes of its longer words behind the first, for short texts; empty for others.
        setting: Hash of temperature and top-p.
        client: Hash of all sampling: programs have one, and an attack seldom that of what it hides among.
        bias: What is biased, as a hash; 1 when only that something is biased is known; 0 when nothing is.
        is_bare: Whether it holds nothing but a chat template, or nothing at all.
        is_template: Whether it holds a chat template and nothing else.
        is_gibberish: Whether it strings words together without grammar.
        is_task: Whether it reads like a task written down: an order or a question, addressed to nobody.
        is_written_task: Whether the task stands in a form behind the word instruction, task or prompt.
        is_talk: Whether it reads like somebody talking.
        is_exam_body: Whether what follows its first words is an examination question.
        exam: Bit of the form of examination that it has, e.g. a choice or a sum in words; 0 for none.
    """

    t: float
    tenant: str
    key: str
    text: int
    frame: int
    opening: int
    labels: tuple[int, ...]
    words: tuple[int, ...]
    setting: int
    client: int
    temperature: float
    logprobs: bool
    bias: int
    is_short_reply: bool
    many: bool
    is_bare: bool
    is_template: bool
    is_gibberish: bool
    wants_data: bool
    wants_reasoning: bool
    is_exam: bool
    is_exam_body: bool
    exam: int
    is_task: bool
    is_written_task: bool
    is_talk: bool


def read(facts: Mapping[str, Fact]) -> Exchange:
    """Return the exchange that `facts` describe; what is missing counts as harmless.

    A fact `media`, when true, says that the exchange holds an image or sound, which needs no text.
    """
    texts = facts.get("texts")
    # Of a conversation only the newest message is new.
    text = str(texts[-1])[:_READ_CHARS] if texts and not isinstance(texts, (str, int, float, bool)) else ""
    words = text[:_FRAME_CHARS].lower().split()
    is_template = len(text) < 600 and bool(_CONTROL.search(text) or _LABEL.match(text)) and not _without_template(text)
    has_labels = ":" in text[:800] or text[:1] == "<"
    written = _WRITTEN_TASK.search(text[:600]) if has_labels else None
    task = text[written.end() - 1 :] if written else text
    exam, is_talk = _exam_of(text), _is_talk(task)
    is_exam = exam > 0
    is_task = not is_talk and (is_exam or _is_order(task))
    logprobs = bool(facts.get("logprobs")) or _number(facts.get("top_logprobs")) > 0
    return Exchange(
        t=_number(facts.get("t")),
        tenant=str(facts.get("tenant") or ""),
        key=str(facts.get("key") or ""),
        text=_hash(text),
        frame=_hash(" ".join(words[:2])),
        opening=_hash(" ".join(words[:4])),
        labels=tuple({_hash(label) for label in _LABELS.findall(text[:800])[:12]}) if has_labels else (),
        words=tuple(_hash(w.strip(".,?!:;")) for w in words[1:12] if len(w) > 4) if len(words) <= 16 else (),
        setting=_hash(f"{facts.get('temperature')}|{facts.get('top_p')}"),
        client=_hash(
            f"{facts.get('temperature')}|{facts.get('top_p')}|{facts.get('max_tokens')}|{logprobs}|{facts.get('n')}"
        ),
        # A caller who does not say is not drawing many samples on purpose.
        temperature=_number(facts.get("temperature"), 0.7),
        logprobs=logprobs,
        bias=int(_number(facts.get("logit_bias"))),
        is_short_reply=0 < _number(facts.get("max_tokens"), 10_000) <= 8,
        many=_number(facts.get("n"), 1.0) >= 4,
        is_bare=is_template or (not text.strip() and not facts.get("media")),
        is_template=is_template,
        is_gibberish=_is_gibberish(text, words),
        wants_data=_DATA_WANTED.search(text[:1_000]) is not None,
        wants_reasoning=_wants_reasoning(text),
        is_exam=is_exam,
        is_exam_body=is_exam and (_is_word_problem(text) or _exam_of(" ".join(text.split(None, 8)[8:])) > 0),
        exam=exam,
        is_task=is_task,
        is_written_task=is_task and written is not None,
        is_talk=is_talk,
    )


def _wants_reasoning(text: str) -> bool:
    # An order stands before or behind what it is about.
    ends = (text if len(text) <= 400 else f"{text[:200]}\n{text[-200:]}").lower()
    return ("reason" in ends or "thought" in ends or "thinking" in ends) and _REASONING_WANTED.search(ends) is not None


def bias_of(biased: Mapping[str, object] | bool | None) -> int:
    """Return the fact `logit_bias`: a hash of the biased tokens, 1 when they are not known, 0 when there are none.

    The hash is odd when there are two tokens or more, as a classifier has for its labels.
    """
    if isinstance(biased, Mapping):
        return _hash("|".join(sorted(biased))) & ~1 | 2 | (len(biased) > 1) if biased else 0
    return int(bool(biased))


def _number(fact: Fact | None, default: float = 0.0) -> float:
    return float(fact) if isinstance(fact, (int, float)) else default


def _hash(text: str) -> int:
    # Python's own hash differs between processes; a replay must not.
    return crc32(text.encode("utf-8", "surrogatepass"))


def _without_template(text: str) -> str:
    return re.sub(r"[\W_]+", "", _ROLES.sub("", _CONTROL.sub(" ", text).lower()))


def _is_talk(text: str) -> bool:
    return text[:1].islower() or _TALK.search(text.split("\n", 1)[0][:240]) is not None


def _is_order(text: str) -> bool:
    head = text[:300]
    first = head.split(None, 1)[0].strip(".,:;!\"'").lower() if head.strip() else ""
    return first in _ORDERS or not _QUESTION.isdisjoint(head)


def _exam_of(text: str) -> int:
    """Return a bit for the form of examination that a text has; 0 when it is no examination question."""
    head = text[:1_000]
    worded = _EXAM.search(head)
    if worded is not None:
        return 4 << _hash(worded[0][:8].lower()) % 32
    # Most texts hold no second option, and looking for the word costs less than the search.
    if ("B)" in head or "\nB" in head or "ptions:" in head) and _OPTIONS.search(head) is not None:
        return 1
    if "ptions:" in text[-300:] and _OPTIONS.search(text[-400:]) is not None:
        return 1
    return 2 if _is_word_problem(text) else 0


def _is_word_problem(text: str) -> bool:
    """Whether its last paragraph tells of numbers and ends by asking for another."""
    asked = text[-900:].rstrip()
    for label in _ANSWERS:
        if asked[-len(label) :].lower() == label:
            asked = asked[: -len(label)].rstrip()
    asked = asked.rpartition("\n\n")[2]
    return (
        asked.endswith("?")
        and ". " in asked
        and _QUANTITY.search(asked[-300:]) is not None
        and len(_NUMBER.findall(asked)) >= 2
        and not _is_talk(asked)
    )


def _is_gibberish(text: str, words: list[str]) -> bool:
    """Whether seven or more words in Latin letters hold hardly a word of grammar and no mark between them."""
    if len(words) < 7 or not text.isascii() or not all(word.isalpha() for word in words[:-1]):
        return False
    return sum(word in _FUNCTION_WORDS for word in words) <= len(words) // 12
