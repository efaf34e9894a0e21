"""`python -m tests.faults.powercut.unjournaled SERVICE`: a service that asks the database for no journal.

What it writes is acknowledged before it is on disk, as any MongoDB server does by default.
"""

from __future__ import annotations

import functools
import runpy
import sys

import pymongo

import shared.loop.mongo

if __name__ == "__main__":
    service = sys.argv.pop()
    careless = functools.partial(pymongo.WriteConcern, w="majority")
    shared.loop.mongo.WriteConcern = lambda **_: careless(j=False)  # type: ignore[assignment, misc]
    runpy.run_module(f"services.{service}", run_name="__main__")
