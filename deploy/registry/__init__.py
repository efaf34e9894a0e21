"""The registry of tenants of one installation: how it changes, and how a change reaches NATS and the services.

changes.py      pure: what may be changed, and what is refused
file.py         tenants.yaml and the audit beside it
installation.py an installation on disk, and rolling a registry out to its servers
servers.py      the NATS servers, told to read their configuration again
policies.py     versions of the rules beside the registry, and from when each holds
rollout.py      a change from its decision to the servers, and what was left half done
commands.py     `nuanliu tenant ...`: showing.py what only looks, options.py how the command line is read
seats.py        `nuanliu centre ...`: the centre's own seats and their tokens
"""
