import pytest

from leeward.inspection.language import identify

SENTENCES = {
    "en": "Could you help me write a letter to my landlord about the deposit?",
    "fr": "Pourriez-vous m'aider à écrire une lettre à mon propriétaire ?",
    "de": "Kannst du mir helfen, einen Brief an meinen Vermieter zu schreiben?",
    "es": "¿Podrías ayudarme a escribir una carta a mi casero sobre la fianza?",
    "it": "Potresti aiutarmi a scrivere una lettera al mio padrone di casa?",
    "pt": "Você poderia me ajudar a escrever uma carta para o meu senhorio?",
    "nl": "Kun je me helpen een brief aan mijn huisbaas te schrijven?",
    "pl": "Czy możesz mi pomóc napisać list do właściciela mieszkania?",
    "ro": "Mă poți ajuta să scriu o scrisoare proprietarului apartamentului?",
    "cs": "Můžeš mi pomoct napsat dopis mému pronajímateli?",
    "sv": "Kan du hjälpa mig att skriva ett brev till min hyresvärd?",
    "da": "Kan du hjælpe mig med at skrive et brev til min udlejer om depositummet?",
    "fi": "Voisitko auttaa minua kirjoittamaan kirjeen vuokranantajalleni?",
    "el": "Μπορείς να με βοηθήσεις να γράψω ένα γράμμα;",
    "hu": "Tudnál segíteni megírni egy levelet a főbérlőmnek?",
    "bg": "Можеш ли да ми помогнеш да напиша писмо до хазяина си?",
    "uk": "Чи можеш ти допомогти мені написати листа господарю квартири?",
    "ru": "Помоги мне, пожалуйста, написать письмо хозяину квартиры.",
    "tr": "Ev sahibime bir mektup yazmama yardım eder misin?",
    "ar": "هل يمكنك مساعدتي في كتابة رسالة إلى صاحب المنزل؟",
    "he": "תוכל לעזור לי לכתוב מכתב לבעל הדירה?",
    "hi": "क्या आप मकान मालिक को पत्र लिखने में मेरी मदद कर सकते हैं?",
    "zh": "你能帮我给房东写一封信吗？",
    "ja": "大家さんへの手紙を書くのを手伝ってください。",
    "ko": "집주인에게 편지를 쓰는 것을 도와줄 수 있나요?",
    "vi": "Bạn có thể giúp tôi viết một lá thư cho chủ nhà không?",
    "id": "Bisakah kamu membantu saya menulis surat kepada pemilik rumah?",
    "th": "ช่วยเขียนจดหมายถึงเจ้าของบ้านให้หน่อยได้ไหม",
}


@pytest.mark.parametrize("language", SENTENCES)
def test_a_plain_sentence_is_told_by_its_language(language: str) -> None:
    assert identify(SENTENCES[language]) == language


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "Hi",
        "ok",
        "42",
        "3.14 * 2 = 6.28",
        "😀😀😀",
        "José",
        "!!!",
        "x = f(a[0]) + g(b[1]);",
        '{"id": 7, "a": [1]}',
    ],
)
def test_what_cannot_be_told_is_und(text: str) -> None:
    assert identify(text) == "und"


def test_kana_between_ideographs_are_japanese() -> None:
    assert identify("東京都知事選挙の結果について") == "ja"


def test_a_latin_name_does_not_hide_the_script_around_it() -> None:
    assert identify("请帮我在 Linux 上安装 PostgreSQL 数据库") == "zh"


def test_an_unpaired_surrogate_does_no_harm() -> None:
    assert identify("\ud800 this is plain English text for a test") == "en"


def test_only_the_beginning_counts() -> None:
    assert identify(SENTENCES["de"] * 4 + SENTENCES["en"] * 10_000) == "de"


def test_line_ends_do_no_harm() -> None:
    assert identify("Bonjour,\nje voudrais\nréserver une table\npour ce soir.") == "fr"
