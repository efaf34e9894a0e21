"""What becomes of every message in every state, seen by trying: the tables of docs/transitions.md."""
