"""Published events, one module per publisher: channel, agency and team outside; intake, routing, response, revisit inside."""
