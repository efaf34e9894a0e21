"""The agency's page: its assignments for a clerk with a phone, and what it says about them, in a browser.

words.py       what the clerk reads for a code
view.py        an assignment as the page shows it; no I/O
forms.py       what the clerk may say in which state, and a filled-in form as the data of the contract
session.py     who is signed in
photos.py      files out of a form, and files of an assignment
shell.py       the application: sessions, guards, errors that are pages
assignment.py  the page of one assignment, and what is said there
pages.py       the list, the rates, what was refused
face/          templates, style, scripts
"""
