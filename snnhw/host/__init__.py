"""The other end of the serial line: frames, requests to a board or to a simulated circuit, comparison with golden."""
