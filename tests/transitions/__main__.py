"""python -m tests.transitions: write docs/transitions.md anew."""

from tests.transitions.table import DOCUMENT, rendered

if __name__ == "__main__":
    DOCUMENT.write_text(rendered(), encoding="utf-8")
    print(DOCUMENT)
