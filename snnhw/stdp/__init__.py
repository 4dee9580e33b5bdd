"""Learning by spike-timing-dependent plasticity: a layer of neurons that compete, and learn on the chip."""
