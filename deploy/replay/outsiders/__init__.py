"""Programs of outsiders. They import nothing of the system: only nats-py, their seed, and what the contracts say."""
