"""The circuit: Amaranth components, each facing its twin of the same name in `golden`."""
