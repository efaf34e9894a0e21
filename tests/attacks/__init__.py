"""Attempts by somebody who holds one tenant's key, or held it, on the configuration that ships.

installed.py  the installation: registry, keys, configuration, server
arena.py      a server with something to steal
looking.py    what is compared before and after
attempts/     what is tried, as data
judging.py    what came of an attempt
loose.py      careless configurations, on which the same attempts must come to something
flood.py      one tenant as loud as it can: what the others notice
rotation.py   a key changed under load
"""
