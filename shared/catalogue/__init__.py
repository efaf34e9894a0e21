"""The catalogue of contracts, made of the events themselves: schemas, test vectors, AsyncAPI, a page to read.

`deploy/catalogue.py` writes it to docs/contracts/, every service serves it under /docs/.
"""
