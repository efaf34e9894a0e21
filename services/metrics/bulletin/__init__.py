"""Daily dispatch, weekly bulletin, monthly summary: figures in, pages out.

model.py   what a bulletin says
tables.py  its tables, with typed cells
render.py  html, xlsx, docx
"""
