"""`nuanliu places`: a district's own lists and maps become its places.yaml.

`columns.py` says what the sheets and properties are called, `sheets.py` and `geojson.py` read them as rows, `taking.py`
takes the rows that hold up and says of the others why not, `file.py` replaces places.yaml, `findings.py` looks for what
loads but may be wrong, `commands.py` is the command line.
"""
