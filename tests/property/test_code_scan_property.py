from hypothesis import given, settings
from hypothesis import strategies as st

from leeward.detectors.code.engine import scan
from leeward.detectors.code.grammar import GRAMMARS

PIECES = st.sampled_from(
    [
        *("eval(x)", "os.system('a' + b)", "free(p);", "delete p;", '"SELECT a FROM b WHERE c=" + d', "cur.execute("),
        *("def f(x):\n ", "void f(char *p) {", "echo $_GET['a'];", "password = 'hunter2x'", "é😀", "\x00", "\ud800"),
        *("`ls #{x}`", "innerHTML = x", "if (x) {", "return", "#define A B\n", "#define B A\n", "new ", "=> ", "$x"),
        *("chmod 777 a", ")", "{", "}", "'", "`", "\n"),
    ]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(PIECES, max_size=25).map("".join), st.sampled_from(GRAMMARS))
def test_any_text_is_read_and_spans_lie_in_it(code: str, grammar: str) -> None:
    for found in scan(code, grammar):
        assert 0 <= found.span.start < found.span.stop <= len(code)
        assert 0 < found.confidence < 1
        assert found.safe_alternative


@settings(max_examples=60, deadline=None)
@given(st.lists(PIECES, max_size=15).map("".join), st.sampled_from(GRAMMARS))
def test_the_same_code_gives_the_same_findings(code: str, grammar: str) -> None:
    assert scan(code, grammar) == scan(code, grammar)
