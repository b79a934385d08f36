from pathlib import Path

from flinktf.api.reference import markdown

REFERENCE = Path(__file__).parents[3] / "docs" / "reference.md"


def test_the_reference_is_what_the_types_say() -> None:
    assert REFERENCE.read_text() == markdown(), "run: make docs"
