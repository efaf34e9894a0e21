"""Published events, one module per publisher.

Outside: channel, agency, team. Inside: intake, routing, response, revisit.
"""
