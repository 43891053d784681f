from unicodedata import normalize

from hypothesis import given
from hypothesis import strategies as st

from leeward.domain.view import Layer
from leeward.inspection.normalise import folded_of, layers_of, plain_of

HIDING = (
    "\u200b\u200d\u202e\ufe0f\u00ad\u034f\U000e0061\U000e0062ｉｇа о\u0301\u0336ﬁ㎏가각ᄀ1340@$%&#;\\u0061=+/ aAzZ.-"
)
TEXTS = st.text(st.one_of(st.sampled_from(HIDING), st.characters(exclude_categories=())), max_size=120)
ENCODED = st.builds(
    lambda before, payload, encode, after: before + encode(payload) + after,
    TEXTS,
    st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=40),
    st.sampled_from(
        (
            lambda text: __import__("base64").b64encode(text.encode()).decode(),
            lambda text: text.encode().hex(),
            lambda text: " ".join(text),
            lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
            lambda text: "".join(chr(0xE0000 + ord(char)) for char in text if " " <= char <= "~"),
        )
    ),
    TEXTS,
)


def assert_map_holds(layer: Layer, size: int) -> None:
    if layer.offsets is None:
        assert 0 <= layer.base <= layer.base + len(layer.text) <= size
        return
    assert len(layer.offsets) == len(layer.text) + 1
    assert list(layer.offsets) == sorted(layer.offsets)
    assert all(0 <= at < size for at in layer.offsets[:-1])
    assert 0 <= layer.offsets[-1] <= size


@given(st.one_of(TEXTS, ENCODED))
def test_every_layer_maps_back_into_the_source_in_order(text: str) -> None:
    for layer in layers_of(text):
        assert_map_holds(layer, len(text))
        if layer.text:
            span = layer.source(0, len(layer.text))
            assert 0 <= span.start < span.stop <= len(text)


@given(TEXTS)
def test_the_plain_reading_is_idempotent(text: str) -> None:
    once = plain_of(text).text

    assert once == plain_of(once).text


@given(TEXTS)
def test_the_plain_reading_is_compatibility_composition(text: str) -> None:
    plain = plain_of(text).text

    assert plain == normalize("NFKC", plain)


@given(TEXTS)
def test_plain_and_folded_readings_can_be_encoded(text: str) -> None:
    plain, folded, *_ = layers_of(text)

    assert plain.text.encode() + folded.text.encode() is not None


@given(TEXTS)
def test_the_short_way_gives_what_the_long_way_gives(text: str) -> None:
    plain, folded, *_ = layers_of(text)

    assert plain.text == plain_of(text).text
    assert folded.text == folded_of(plain).text


@given(st.text("abcdefghijklmnopqrstuvwxyz \n.,", max_size=200))
def test_unmapped_plain_text_is_itself(text: str) -> None:
    plain, folded, *_ = layers_of(text)

    assert plain == Layer("plain", text)
    assert folded == Layer("folded", text)
