"""The consumer loop: nothing lost, nothing done twice (docs/decisions). Every service runs it; none writes its own."""
