"""The points of a model measured by one recipe: cells, clock, cycles, equality with golden; and peers beside them."""
