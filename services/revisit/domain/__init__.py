"""The rules of going back: pure decisions (DOMAIN 3). Time and policy come in as data.

task.py         a task, state by state
going.py        a team is sent, sent again, called back, or late
verification.py what a household said, and what follows for the task
answers.py      the answers counted, and the verdict
readings.py     which measured temperatures count
findings.py     hazards and patrols
"""
