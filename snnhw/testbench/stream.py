"""The bench of plain streams: good samples, between them ill-framed ones and resets; ``error`` at every transfer."""

from __future__ import annotations

from textwrap import indent

from snnhw.implementation import address_width
from snnhw.interface import StreamPort
from snnhw.testbench.plan import Plan
from snnhw.testbench.subject import Subject
from snnhw.testbench.text import bench, comparisons, hex_lines, load, packed, pauses, piece, source

RESET_AFTER = 2
"""Cycles from the last transfer of a part of a sample to the reset that cuts it off."""

MOMENTS = 6
"""Moments at which a reset comes while a sample is in work, from its last transfer to its result."""


def stream_bench(subject: Subject) -> dict[str, str]:
    """The files of the bench."""
    plan = _StreamPlan(subject)
    plan.reset()
    plan.load_weights()
    plan.every_sample()
    plan.ill_framed()
    plan.resets()
    port, result = subject.interface.sample, subject.interface.result
    samples, vectors = source(
        subject,
        "samples",
        plan.words,
        port.width + 1,
        clock="clk",
        reset="rst",
        valid="sample__valid",
        ready="sample__ready",
        payload="{sample_error, sample__payload}",
    )
    vectors[f"{subject.top}_tb_results.hex"] = hex_lines(plan.results, result.width)
    moves, weights = "samples_move || result_move", ""
    if subject.interface.weights:
        weights, image = _weights(subject, subject.interface.weights)
        vectors |= image
        moves += " || weights_move"
    text = bench(
        "stream",
        subject,
        plan.lines,
        vectors,
        patience=subject.patience,
        results=len(plan.results),
        result_width=result.width,
        result_bits=address_width(len(plan.results) + 1),
        pauses=pauses("clk"),
        samples=samples,
        weights=weights,
        verdict=piece("verdict", clock="clk", moves=moves, name="samples", unit="transfers"),
        comparisons=indent(comparisons(result.fields), " " * 4),
    )
    return {f"{subject.top}_tb.v": text, **vectors}


class _StreamPlan(Plan):
    """``words`` are transfers of samples, each with what ``error`` must be after it in the highest bit."""

    def __init__(self, subject: Subject) -> None:
        super().__init__(subject)
        self.words: list[int] = []
        self._port = subject.interface.sample
        self._packed = packed(subject.interface.result.fields, subject.result)
        self._error = 0

    def good(self, samples: int = 1) -> None:
        start = len(self.words)
        for _ in range(samples):
            self._whole(self._transfers())
        self.lines.append(f"send({len(self.words) - start}, {samples});")

    def reset(self) -> None:
        self.lines.append("reset;")
        self._error = 0

    def ill_framed(self) -> None:
        """Samples that ``last`` ends too early or too late, or events of no address; after each a good one."""
        if self.subject.sends_events:
            for named, stranger in self.subject.strangers.items():
                self.say(f"Events of {named}, which does not exist, in a sample that is good without them.")
                *others, end = self._transfers()
                self._whole([stranger, *others, stranger, end], error=1)
                self.lines.append(f"send({len(others) + 3}, 1);")
                self.good()
            return
        whole = self._others()
        beats = len(whole)
        for count in sorted({1, beats - 1} - {0, beats}):
            self.say(f'"last" with transfer {count} of {beats}.')
            self._ill([*whole[: count - 1], self._ended(whole[count - 1])])
        for count in sorted({beats + 1, 2 * beats}):
            self.say(f'"last" with transfer {count}, not with {beats}.')
            self._ill([*(self._open(word) for word in (whole * 2)[: count - 1]), whole[-1]])

    def resets(self) -> None:
        """Samples that a reset cuts off, on their way in and in work; after each a good one."""
        count = len(self._others())
        for cut in sorted({1, count - 1} - {0, count}):
            self.say(f"A reset after transfer {cut} of a sample.")
            self._lose(self._others()[:cut], RESET_AFTER)
        longest = self.subject.working[self.other] + RESET_AFTER
        for pause in sorted({moment * longest // (MOMENTS - 1) for moment in range(MOMENTS)}):
            self.say(f"A reset {pause} cycles after the last transfer of a sample.")
            self._lose(self._others(), pause)
        if self.subject.sends_events:
            for named, stranger in self.subject.strangers.items():
                self.say(f"A reset after an event of {named}, which does not exist.")
                self._lose([stranger], RESET_AFTER, error=1)
        else:
            self.say("A reset while the rest of an ill-framed sample is passed over.")
            self._lose([self._open(word) for word in self._others()], RESET_AFTER, error=1)

    def _transfers(self) -> list[int]:
        """Those of the sample that comes next."""
        return self.subject.transfers[self.current]

    def _others(self) -> list[int]:
        """Those of a sample that is to be lost."""
        return self.subject.transfers[self.other]

    def _whole(self, transfers: list[int], error: int = 0) -> None:
        """The next sample, at the end of which ``error`` is as told; where it is 1, it is so from the beginning."""
        self._put(transfers, {0: 1} if error else {len(transfers) - 1: 0})
        self.results.append(self._packed[self.current])
        self.sent += 1

    def _ill(self, transfers: list[int]) -> None:
        """What is no sample: ``error`` rises where ``last`` is and should not be, or should be and is not."""
        self._put(transfers, {min(len(transfers), len(self._transfers())) - 1: 1})
        self.lines.append(f"send({len(transfers)}, 0);")
        self.good()

    def _lose(self, transfers: list[int], pause: int, error: int = 0) -> None:
        """Transfers that a reset ends, so many cycles after the last, with which ``error`` is as told."""
        self._put(transfers, {len(transfers) - 1: error})
        self._error = 0
        self.lines.append(f"lose({len(transfers)}, {pause});")
        self.good()

    def _put(self, transfers: list[int], errors: dict[int, int]) -> None:
        """Transfers, with what ``error`` is from some of them on."""
        for place, word in enumerate(transfers):
            self._error = errors.get(place, self._error)
            self.words.append(word | self._error << self._port.width)

    def _ended(self, word: int) -> int:
        return word | 1 << self._port.field("last").offset

    def _open(self, word: int) -> int:
        return word & ~(1 << self._port.field("last").offset)


def _weights(subject: Subject, port: StreamPort) -> tuple[str, dict[str, str]]:
    """What loads weights, and checks ``loaded``."""
    last, loaded = port.field("last").offset, port.width
    words = [octet | ends << last | whole << loaded for octet, ends, whole in subject.loads]
    text, vectors = load(
        subject,
        words,
        port.width + 1,
        clock="clk",
        reset="rst",
        valid="weights__valid",
        ready="weights__ready",
        payload="{weights_loaded, weights__payload}",
    )
    return piece("loaded", loaded=int(not subject.has_spram)) + text, vectors
