"""What ``snnhw demo --stdp`` does: a learner forms its receptive fields, and the trained one answers a digit."""

from __future__ import annotations

from typing import Annotated

import typer

from snnhw.cli.demo import Index
from snnhw.cli.learner import described
from snnhw.cli.output import Json, console, print_record
from snnhw.errors import DescriptionError

_STDP = typer.Option("--stdp", help="Show the learner by STDP that ships.")


def demo_learner(name: str, *, index: Index = 0, stdp: Annotated[bool, _STDP] = False, as_json: Json = False) -> None:
    """Let a learner learn the sample without labels, and show its fields; classify an image by the trained one.

    ``stdp`` says no more than that the subject is one, which it is here.
    """
    from snnhw.data import load
    from snnhw.drawing import draw_image
    from snnhw.stdp.demo import SHOWN_AT, draw_fields, draw_spikes, form
    from snnhw.stdp.evaluate import golden, inputs
    from snnhw.stdp.presets import resolve_stdp

    screen = console()

    def say(text: str) -> None:
        if not as_json:
            screen.print(text)

    model, sample = resolve_stdp(name), load("sample")
    if index >= len(sample):
        raise DescriptionError(f"--index must be below {len(sample)}, the number of images in the sample, not {index}")
    images, _ = inputs(model.learner, sample)
    say(f"The learner by STDP {name}:")
    for line in described(model.learner):
        say(f"  {line}")
    formation = form(model, images)
    say("\nIt begins anew and learns the sample without labels; the weights of the neurons that win most often:\n")
    height, width = sample.images.shape[1:]
    for line in draw_fields(formation, (height, width)):
        say(line)
    trained = golden(model)
    fired = trained.infer(images[index])
    answer, scores = trained.score(fired)
    say(f"\nImage {index} of MNIST's test sample, and what {name}, trained, makes of it:\n")
    for line in [*draw_image(sample.images[index]), *draw_spikes(fired, model.assigned, scores)]:
        say(line)
    if as_json:
        shown = {"index": index, "class": answer, "scores": scores.tolist(), "spikes": fired}
        learned = {"presentations": SHOWN_AT[-1], "neurons": formation.neurons, "wins": formation.wins}
        print_record({"model": name, "digest": model.digest, "image": shown, "learned": learned})
