"""Trained artificial networks, and how they become spiking ones."""
