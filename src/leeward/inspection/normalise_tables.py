"""Characters that normalisation removes or resolves."""

from __future__ import annotations

# Characters that show nothing: soft hyphen, grapheme joiner, zero-width and directional marks, fillers of
# Hangul, Khmer and Mongolian, variation selectors, interlinear marks, tag characters, and control characters.
# Source: Unicode 16, Default_Ignorable_Code_Point, and U+2800, U+FFF9..FFFB, C0 and C1 controls.
INVISIBLE_CLASS = (
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)

# Unpaired surrogates cannot be encoded; the plain reading holds U+FFFD in their place.
SURROGATE_CLASS = "\ud800-\udfff"

# Marks that decorate letters; what is left of them after composition carries no meaning for matching.
# Source: Unicode blocks Combining Diacritical Marks (and Extended, Supplement, for Symbols), Half Marks.
MARK_CLASS = "\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"

# Starters that may join the character before them under composition, so text must not be cut before them.
# Source: Unicode 16, NFC_Quick_Check=Maybe with combining class 0; checked against the running Python by a test.
JOINING_STARTERS = frozenset(
    chr(point)
    for point in (
        *range(0x1161, 0x1176),
        *range(0x11A8, 0x11C3),
        *(0x09BE, 0x09D7, 0x0B3E, 0x0B56, 0x0B57, 0x0BBE, 0x0BD7, 0x0CC2, 0x0CD5, 0x0CD6, 0x0D3E, 0x0D57),
        *(0x0DCF, 0x0DDF, 0x102E, 0x1B35, 0x11127, 0x1133E, 0x11357, 0x113B8, 0x113BB, 0x113C2, 0x113C5),
        *(0x113C7, 0x113C8, 0x113C9, 0x114B0, 0x114BA, 0x114BD, 0x115AF, 0x11930),
        *(0x1611E, 0x1611F, 0x16120, 0x1612A, 0x16129, 0x16D63, 0x16D67, 0x16D69, 0x16D6A),
    )
)

# Cyrillic, Greek, Armenian and Cherokee letters that look like a Latin one, lower case; used only inside words
# that mix scripts. Source: our own selection after Unicode TR39 confusables (intentional.txt).
LATIN_LOOKALIKES = (
    dict(zip("авсԁеһіјӏмпоԛрѕтԝхуүғԍкь", "abcdehijlmnoqpstwxyyfgkb", strict=True))
    | dict(zip("αβεηικνορτυχγωϲϳ", "abenikvoptuxywcj", strict=True))
    | dict(zip("աոսօցհ", "wnuogh", strict=True))
    | dict(zip("ɡʀʏ", "gry", strict=True))
)

# Latin letters that look like a Cyrillic one, for Cyrillic words with Latin letters sown in.
CYRILLIC_LOOKALIKES = dict(zip("abcehijkmnopstxy", "авсеніјкмпорѕтху", strict=True))
GREEK_LOOKALIKES = dict(zip("abeikvoptuxynwm", "αβεικνορτυχγηωμ", strict=True))

# Alphabets that compatibility composition leaves alone: small capitals, regional indicators, negative letters.
ALPHABET_TO_LATIN = (
    dict(zip("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ", "abcdefghijklmnoprstuvwyz", strict=True))
    | {chr(0x1F1E6 + i): chr(97 + i) for i in range(26)}
    | {chr(0x1F150 + i): chr(97 + i) for i in range(26)}
    | {chr(0x1F170 + i): chr(97 + i) for i in range(26)}
)

# Full-width forms of ASCII and the ideographic space: one character each way, and in every Chinese or Japanese text.
FULL_WIDTH_TO_ASCII = {0xFEE0 + point: chr(point) for point in range(0x21, 0x7F)} | {0x3000: " "}

# Digits and signs that stand for letters. `1` is settled by its neighbours.
LEET = {"0": "o", "3": "e", "4": "a", "5": "s", "7": "t", "@": "a", "$": "s"}
