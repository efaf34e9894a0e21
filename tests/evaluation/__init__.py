"""Appeals as residents say them, with what a dispatcher would accept, and the score of the classification on them."""
