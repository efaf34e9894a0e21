"""python -m services.intake"""

from services.intake.app import SERVICE
from shared.service import run

if __name__ == "__main__":
    run(SERVICE)
