"""The spiking restricted Boltzmann machine: its description, training, experiments and pictures."""
