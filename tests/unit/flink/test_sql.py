import pytest
from hypothesis import given
from hypothesis import strategies as st

from flinktf.flink.sql import SqlError, Statement, statements, substitute


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" ;; ; ", []),
        ("-- only a comment; not a statement\n", []),
        ("SELECT 1", [Statement("SELECT 1", 1)]),
        ("\n\nA;\n\n  B ;", [Statement("A", 3), Statement("B", 5)]),
        ("A -- it's; here\n, B;C", [Statement("A  \n, B", 1), Statement("C", 2)]),
        ("/* ; */ A /* x\ny */ B;\nC", [Statement("A   B", 1), Statement("C", 3)]),
        ("INSERT /*+ OPTIONS('a'='b;c') */ x;", [Statement("INSERT /*+ OPTIONS('a'='b;c') */ x", 1)]),
        (
            "SELECT 'it''s; --', `a;b`, \"c;d\";E",
            [Statement("SELECT 'it''s; --', `a;b`, \"c;d\"", 1), Statement("E", 1)],
        ),
        ("SELECT a - b / c;", [Statement("SELECT a - b / c", 1)]),
    ],
)
def test_statements(text: str, expected: list[Statement]) -> None:
    assert list(statements(text)) == expected


def test_an_open_quote_is_named_with_its_line() -> None:
    with pytest.raises(SqlError, match=r"line 2: the quote ' is never closed"):
        statements("A;\nSELECT 'x")


@pytest.mark.parametrize(
    ("text", "setting"),
    [
        ("SET 'a.b' = 'c d'", ("a.b", "c d")),
        ("set 'a'='b'", ("a", "b")),
        ("SET a = b", None),
        ("SELECT 'a' = 'b'", None),
    ],
)
def test_setting(text: str, setting: tuple[str, str] | None) -> None:
    assert Statement(text, 1).setting == setting


def test_substitute() -> None:
    assert substitute("'${code}/x' $ {y} ${n}", {"code": "/c", "n": "1"}) == "'/c/x' $ {y} 1"


def test_an_unknown_variable_is_named_with_its_line_and_the_known_ones() -> None:
    with pytest.raises(SqlError, match=r"line 2: unknown variable \$\{cod\}; known: code, n"):
        substitute("A\n${cod}", {"code": "", "n": ""})


@given(st.lists(st.text(alphabet="ab '\n,", min_size=1).map(lambda s: "x" + s.replace("'", "")), max_size=5))
def test_statements_joined_by_semicolons_come_apart_again(parts: list[str]) -> None:
    assert [s.text for s in statements(";".join(parts))] == [part.strip() for part in parts]
