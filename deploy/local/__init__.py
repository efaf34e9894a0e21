"""The local stack: a real NATS server, a server speaking MongoDB's protocol, and the five services, as
processes."""
