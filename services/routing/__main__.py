"""python -m services.routing"""

from services.routing.app import SERVICE
from shared.service import run

if __name__ == "__main__":
    run(SERVICE)
