import pytest

from leeward.detectors.code.engine import Weakness, scan


def only(code: str, fence: str) -> Weakness:
    found = scan(code, fence)
    assert len(found) == 1, [weakness.rule.id for weakness in found]
    return found[0]


@pytest.mark.parametrize(
    ("fence", "code", "expected"),
    [
        (
            "python",
            "def f(cur, name):\n    cur.execute(f\"SELECT a FROM t WHERE b = '{name}' AND c = {len(name)}\")\n",
            'cur.execute("SELECT a FROM t WHERE b = ? AND c = ?", (name, len(name),))',
        ),
        (
            "python",
            'import psycopg\ncur.execute("SELECT a FROM t WHERE b LIKE \'%" + name + "%\'")',
            'cur.execute("SELECT a FROM t WHERE b LIKE %s", (f"%{name}%",))',
        ),
        (
            "python",
            "q = \"SELECT a FROM t WHERE b = '%s'\" % (name,)\ncur.execute(q)",
            'cur.execute("SELECT a FROM t WHERE b = ?", (name,))',
        ),
        (
            "js",
            "db.query(`SELECT a FROM t WHERE b = '${req.query.b}'`, done)",
            'db.query("SELECT a FROM t WHERE b = ?", [req.query.b], done)',
        ),
        (
            "go",
            "func f(a string) {\n\tq := fmt.Sprintf(\"SELECT a FROM t WHERE b = '%s'\", a)\n\tdb.QueryContext(c, q)\n}",
            'db.QueryContext(c, "SELECT a FROM t WHERE b = ?", a)',
        ),
        (
            "php",
            "<?php $pdo->query(\"SELECT a FROM t WHERE b = '$b'\");",
            '$statement = $pdo->prepare("SELECT a FROM t WHERE b = ?");\n$statement->execute([$b]);',
        ),
        ("rb", "User.where(\"name = '#{name}'\")", 'User.where("name = ?", name)'),
        ("python", 'import os\nos.system("ping -c 1 " + host)', 'subprocess.run(["ping", "-c", "1", host])'),
        ("python", "import yaml\nd = yaml.load(text)", "d = yaml.safe_load(text)"),
        ("python", "import requests\nrequests.get(url, verify=False)", "requests.get(url)"),
        ("c", "void f(char *a) { printf(a); }", 'printf("%s", a);'),
    ],
)
def test_the_safe_form_is_written_from_the_statement(fence: str, code: str, expected: str) -> None:
    assert only(code, fence).safe_alternative == expected


def test_a_table_name_cannot_be_bound_so_the_example_is_shown() -> None:
    found = only('cur.execute("SELECT a FROM " + table)', "python")

    assert not found.is_rewritten
    assert found.safe_alternative == found.rule.safe


@pytest.mark.parametrize(
    "code",
    [
        'NAME = "users"\ncur.execute(f"SELECT a FROM {NAME}")',
        'def f(x):\n    n = int(x)\n    cur.execute(f"SELECT a FROM t WHERE n = {n}")',
        '# os.system("rm " + x)\nprint("os.system(x)")',
        "result = model.eval()",
        "pattern.exec(text)",
    ],
)
def test_safe_python_is_passed(code: str) -> None:
    assert scan(code, "python") == ()


def test_an_alias_of_an_import_is_followed() -> None:
    assert only("from subprocess import run as r\nr(cmd, shell=True)", "py").rule.cwe == 78


def test_a_value_is_followed_through_names_of_the_function() -> None:
    code = 'def f():\n    a = request.args["x"]\n    b = "/srv/" + a\n    return open(b).read()\n'

    assert "value:input" in only(code, "python").evidence


def test_the_span_is_the_statement_also_behind_letters_of_many_bytes() -> None:
    code = 's = "äöü€😀"\nimport os\nos.system("ls " + x)\n'
    span = only(code, "python").span

    assert code[span.start : span.stop] == 'os.system("ls " + x)'


@pytest.mark.parametrize(
    "code", ["os.system('ls ' + x)\nprint(", "  return eval(x)", "eval(x) if (", "else:\n    eval(x)"]
)
def test_a_fragment_is_read_as_far_as_it_goes(code: str) -> None:
    assert scan(code, "python")


def test_php_without_its_opening_tag_is_read() -> None:
    code = 'echo "Hi " . $_GET["n"];'
    span = only(code, "php").span

    assert code[span.start : span.stop] == code


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import os\n\ndef f(x):\n    os.system('ls ' + x)\n", 78),
        ("const { exec } = require('child_process');\nfunction f(x) { exec('ls ' + x) }\n", 78),
        ("#include <stdio.h>\nint main(void) { char b[9]; gets(b); printf(b); }", 242),
        ("<?php\necho $_GET['a'];", 79),
        ("package main\n\nfunc main() {\n\th := md5.New()\n\tfmt.Println(h)\n}\n", 328),
    ],
)
def test_the_language_of_unnamed_code_is_guessed(code: str, expected: int) -> None:
    assert expected in {found.rule.cwe for found in scan(code)}


@pytest.mark.parametrize("text", ["", "Just some words about eval and exec.", "SELECT * FROM t", "a: 1\nb: 2\n"])
def test_text_of_no_known_language_has_no_findings(text: str) -> None:
    assert scan(text) == ()


def test_a_fence_of_an_unknown_language_is_not_guessed_over() -> None:
    assert scan("import os\nos.system('ls ' + x)\n", "text") == ()


def test_freeing_in_one_branch_that_leaves_is_no_use_after_free() -> None:
    code = "void f(int e) { char *p = malloc(9); if (e) { free(p); return; } *p = 1; free(p); }"

    assert scan(code, "c") == ()


def test_memory_deleted_twice_is_found_in_cpp() -> None:
    found = scan("void f() { int *p = new int; delete p; delete p; }", "c++")

    assert 415 in {weakness.rule.cwe for weakness in found}


def test_deep_nesting_is_read_without_running_out_of_stack() -> None:
    scan("eval(" * 2_000 + "x" + ")" * 2_000, "python")


@pytest.mark.parametrize(
    ("fence", "code"),
    [
        ("python", '@app.get("/a")\ndef a(url: str):\n    return requests.get(url).text\n'),
        ("java", 'class A { @GetMapping("/a") File a(@RequestParam String name) { return new File("/d/" + name); } }'),
        ("c#", 'class A { [HttpGet("a")]\npublic IActionResult F(string f) { return PhysicalFile(f, "a/b"); } }'),
    ],
)
def test_parameters_of_a_request_handler_come_from_outside(fence: str, code: str) -> None:
    assert "value:input" in only(code, fence).evidence


def test_a_list_freed_while_it_is_walked_is_found() -> None:
    found = only("void f(struct n *p) { while (p) { free(p); p = p->next; } }", "c")

    assert found.rule.cwe == 416
