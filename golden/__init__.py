"""The golden model: what the circuit must compute, in NumPy integers, a batch at once."""
