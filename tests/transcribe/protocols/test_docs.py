import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
DOCS = "".join(
    (ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("protocol.md", "protocols.md")
)


def test_every_code_that_a_convention_answers_with_is_documented() -> None:
    files = [
        *(ROOT / "vori" / "transcribe" / "protocols").glob("*.py"),
        ROOT / "vori" / "transcribe" / "translate.py",
    ]
    codes = {
        code
        for path in files
        for code in re.findall(r'\bcode=f?"([a-z_]+)"', path.read_text(encoding="utf-8"))
    }
    assert len(codes) >= 20
    assert {code for code in codes if f"`{code}`" not in DOCS} == set()
