"""python -m services.response"""

from services.response.app import SERVICE
from shared.service import run

if __name__ == "__main__":
    run(SERVICE)
