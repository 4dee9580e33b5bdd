"""Samples as the circuit takes them in: the transfers of its input."""


def beats_of(pixels, lanes, fill=0):
    """The beats of a sample, ``last`` on the last one, which is filled up with anything."""
    padded = [*pixels, *[fill] * (-len(pixels) % lanes)]
    count = len(padded) // lanes
    return [{"pixels": padded[i * lanes :][:lanes], "last": i == count - 1} for i in range(count)]


def named(network, address):
    """The fields by which an event names an input."""
    fields = {}
    for name, size in network.encoder.places(network.input_shape).items():
        address, fields[name] = divmod(address, size)
    return fields


def event_transfers(network, sample, zeros=False):
    """An input of events: per step the events, then its end; ``zeros`` sends also events of value 0."""
    transfers, valued = [], network.encoder.carries_values
    for values in sample.reshape(network.num_steps, -1).tolist():
        for address, value in enumerate(values):
            event = named(network, address) | ({"value": value} if valued else {}) | {"end": 0}
            transfers += [event] * ((value > 0 or zeros) if valued else value)
        transfers.append(named(network, 0) | ({"value": 0} if valued else {}) | {"end": 1})
    return transfers


def transfers_of(network, lanes, batch, zeros=False):
    """Samples one after the other, ``lanes`` pixels per beat, or as events of which ``zeros`` also sends those of 0."""
    if network.encoder.takes_events:
        return [t for sample in batch for t in event_transfers(network, sample, zeros)]
    return [t for sample in batch for t in beats_of(sample.reshape(-1).tolist(), lanes, fill=255)]
