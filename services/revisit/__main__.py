"""`python -m services.revisit`"""

from __future__ import annotations

from services.revisit.app import SERVICE
from shared.service import run

if __name__ == "__main__":
    run(SERVICE)
