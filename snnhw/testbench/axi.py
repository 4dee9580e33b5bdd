"""The bench of AXI: packets that are samples, packets that are none, registers, soft resets and hard ones."""

from __future__ import annotations

from random import Random
from textwrap import indent

from snnhw.implementation import address_width
from snnhw.packets import pack_samples
from snnhw.shell import REGISTER_ADDRESS_BITS, AxiShell, registers_of, result_packet, sample_packet
from snnhw.testbench.plan import Plan
from snnhw.testbench.registers import COUNTS, accesses, definitions, identity, scratch
from snnhw.testbench.subject import Subject
from snnhw.testbench.text import bench, comparisons, hex_lines, load, packed, pauses, piece, source

RESET_AFTER = 2
"""Cycles from the last word of a part of a packet to the reset that cuts it off."""

AWAIT_RESULT = "while (!m_axis_tvalid) cycles(1);"
"""Wait until a result is at the output, where none is taken."""

MOST_EVENTS = 7
"""In a packet of events, but for those that hold a whole sample."""


def axi_bench(subject: Subject, shell: AxiShell) -> dict[str, str]:
    """The files of the bench."""
    plan = _AxiPlan(subject, shell.tdata // 8)
    plan.do_all()
    result, top = result_packet(subject.interface), subject.top
    samples, vectors = source(
        subject,
        "samples",
        plan.words,
        plan.word_bits,
        clock="aclk",
        reset="!aresetn",
        valid="s_axis_tvalid",
        ready="s_axis_tready",
        payload="{s_axis_tlast, s_axis_tkeep, s_axis_tdata}",
    )
    vectors[f"{top}_tb_results.hex"] = hex_lines(plan.results, 8 * result.size)
    moves, weights = "samples_move || result_move", ""
    if subject.image:
        weights, image = load(
            subject,
            [octet | last << 8 for octet, last, _ in subject.loads],
            9,
            clock="aclk",
            reset="!aresetn",
            valid="s_axis_weights_tvalid",
            ready="s_axis_weights_tready",
            payload="{s_axis_weights_tlast, s_axis_weights_tdata}",
        )
        vectors |= image
        moves += " || weights_move"
    text = bench(
        "axi",
        subject,
        plan.lines,
        vectors,
        results=len(plan.results),
        result_bytes=result.size,
        result_bits=address_width(len(plan.results) + 1),
        word_bytes=shell.tdata // 8,
        address_bits=REGISTER_ADDRESS_BITS,
        registers=definitions(plan.lines, registers_of(subject.interface)),
        patience=subject.patience,
        pauses=pauses("aclk"),
        samples=samples,
        weights=weights,
        verdict=piece("verdict", clock="aclk", moves=moves, name="samples", unit="words"),
        comparisons=indent(comparisons(result.fields), " " * 6),
    )
    return {f"{top}_tb.v": text, **vectors}


class _AxiPlan(Plan):
    """``words`` are those of packets: data, above it TKEEP, above it TLAST."""

    def __init__(self, subject: Subject, size: int) -> None:
        super().__init__(subject)
        self.size = size
        """Bytes of a word."""
        self.word_bits = 9 * size + 1
        self.words: list[int] = []
        self._full = (1 << size) - 1
        self._record = sample_packet(subject.network, subject.interface).size
        self._octets = pack_samples(subject.network, subject.interface, subject.samples)
        self._packed = packed(result_packet(subject.interface).fields, subject.result)
        self._counts = dict.fromkeys(COUNTS, 0)

    def do_all(self) -> None:
        """Everything, from the first reset on."""
        self.reset()
        self.say("What the circuit is.")
        self.lines += identity(self.subject)
        self.load_weights()
        self.say("Registers that are written, and others that cannot be.")
        self.lines += accesses(registers_of(self.subject.interface))
        self.every_sample()
        self._state()
        if self.subject.sends_events:
            self._packets_of_events()
            self._outside()
            self._broken_events()
        else:
            for flag, packets in self._ill_framed().items():
                self._dropped(flag, packets)
        self._soft_resets()
        self._hard_resets()

    def good(self, samples: int = 1) -> None:
        start = len(self.words)
        for _ in range(samples):
            self.words += self._packet(self._octets[self.current])
            self._due()
        self.lines.append(f"send({len(self.words) - start}, {samples});")

    def reset(self) -> None:
        self.lines.append("reset;")
        self._counts = dict.fromkeys(COUNTS, 0)

    def missing(self) -> None:
        self.lines.append('check("status", AT_STATUS, ALL, STATUS_EMPTY);')

    def _ill_framed(self) -> dict[str, list[list[int]]]:
        """Packets that are no samples, by the flag that they raise."""
        octets, size = self._lost, self.size
        short = sorted({1, len(octets) - 1, (len(octets) - 1) // size * size} - {0, len(octets)})
        *others, end = self._packet(octets)
        unended = [*others, self._word(end & (1 << 8 * size) - 1, self._full, last=False)]
        gap = [[self._word(0, 0b10, last=True)]] if size > 1 else []
        return {
            "short": [self._packet(octets[:count]) for count in short],
            "long": [self._packet(octets + bytes(1)), self._packet(2 * octets), unended + self._packet(octets)],
            "keep": [*gap, self._ill],
        }

    def _dropped(self, flag: str, packets: list[list[int]]) -> None:
        """Packets that raise a flag, after each a good one; then the flag is cleared, and no other is."""
        if not packets:
            return
        self.say(f"Packets that raise the flag {flag}.")
        for words in packets:
            self._send(words)
            self._counts["dropped"] += 1
            self.good()
        self._flagged(flag)

    def _flagged(self, flag: str) -> None:
        name = f"STATUS_{flag.upper()}"
        self._state(name)
        self.lines.append(f"write(AT_STATUS, ~{name}, 4'hf, OKAY);")
        self.lines.append(f'check("status", AT_STATUS, ALL, {name});')
        self.lines.append(f"write(AT_STATUS, {name}, 4'hf, OKAY);")
        self._state()

    def _packets_of_events(self) -> None:
        """The samples once more, in packets that end anywhere between two events."""
        self.say("Packets that end after any event.")
        octets, chance, start = b"".join(self._octets), Random(self.subject.seed), len(self.words)
        while octets:
            length = self._record * chance.randint(1, MOST_EVENTS)
            self.words += self._packet(octets[:length])
            octets = octets[length:]
        self.sent = 0
        for _ in self._octets:
            self._due()
        self.lines.append(f"send({len(self.words) - start}, {len(self._octets)});")
        self._state()

    def _outside(self) -> None:
        """Events of addresses that do not exist, in samples that are good without them."""
        if not self.subject.strangers:
            return
        self.say("Events of addresses that do not exist, in samples that are good without them.")
        for payload in self.subject.strangers.values():
            stranger = payload.to_bytes(self._record, "little")
            octets = self._octets[self.current]
            self._send(self._packet(stranger + octets[: -self._record] + stranger + octets[-self._record :]), 1)
            self._counts["dropped"] += 2
            self._due()
        self.good()
        self._flagged("address")

    def _broken_events(self) -> None:
        """Packets in which events are cut: what is left of the sample is forgotten by a soft reset."""
        octets = self._lost
        broken = {"keep": [self._ill]}
        if self.size > 1:
            broken["keep"].append([self._word(0, 0b10, last=True)])
        if self._record > 1:
            broken["short"] = [self._packet(octets[:-1])]
        for flag, packets in broken.items():
            for words in packets:
                self.say(f"A packet that raises the flag {flag}.")
                self._send(words)
                self._counts["dropped"] += 1
                self.lines.append("settle;")
                self.lines.append(f'check("status", AT_STATUS, ~STATUS_BUSY, STATUS_{flag.upper()});')
                self.lines.append(f'check("dropped", AT_DROPPED, ALL, {self._counts["dropped"]});')
                self._soft_reset()
                self.good()
                self._state()
                self._soft_reset()

    def _soft_resets(self) -> None:
        """In mid-packet, while a packet is passed over, and while one result waits and a sample is in work."""
        self.say("A soft reset after all that: it leaves scratch as it is.")
        self._soft_reset()
        self._state()
        self.lines.append(scratch())
        for words in self._interrupted():
            for ill in (False, True):
                self.say("A soft reset in mid-packet: what is left of it is dropped.")
                self._send(words[:-1])
                self.lines.append("taken;")
                self._soft_reset()
                self._send(words[-1:])
                self._state()
                self._begin_anew(ill)
        self.say("A soft reset while a result waits and a sample is in work: the result goes out, the sample is lost.")
        self.lines += ["closed = 1'b1;", "cycles(2);"]
        self.good()
        self.lines.append(AWAIT_RESULT)
        words = self._packet(self._lost)
        self._send(words)
        self.lines.append(f"while (samples_taken + {len(words)} == samples_allowed) cycles(1);")
        self.lines.append(f"cycles({self.subject.working[self.other] // 2});")
        self._soft_reset()
        self.lines.append("closed = 1'b0;")
        self._begin_anew()

    def _hard_resets(self) -> None:
        """In mid-packet, while a packet is passed over, and while a sample is in work."""
        for words in self._interrupted():
            self.say("Resets in mid-packet.")
            for ill in (False, True):
                self._lose(words[:-1], "cycles(0);")
                self._begin_anew(ill)
            self.say("The same, and a soft one behind it.")
            self._lose(words[:-1], f"cycles({RESET_AFTER});")
            self._state()
            self._soft_reset()
            self._begin_anew()
        self.say("Resets from a sample's last word to its result.")
        for moment in ("cycles(0);", f"cycles({self.subject.working[self.other] // 2});", AWAIT_RESULT):
            self._lose(self._packet(self._lost), moment)
            self._begin_anew()

    def _begin_anew(self, ill: bool = False) -> None:
        """What comes after a reset: a good sample, and before it, if told, a packet that can be dropped alone."""
        ill = ill and not self.subject.sends_events
        if ill:
            self._send(self._ill)
            self._counts["dropped"] += 1
        self.good()
        self._state("STATUS_KEEP" if ill else "0")

    def _interrupted(self) -> list[list[int]]:
        """Packets of two words or more to be broken before their last: a sample, and one that is passed over."""
        sample = self._packet(self._lost)
        return [sample, self._ill] if len(sample) > 1 else [self._ill]

    @property
    def _ill(self) -> list[int]:
        """A packet that is a sample but for its first word, which is not full."""
        return [self._word(0, self._full >> 1, last=False), *self._packet(self._lost)]

    @property
    def _lost(self) -> bytes:
        """A sample that is to be lost."""
        return self._octets[self.other]

    def _lose(self, words: list[int], moment: str) -> None:
        """Words, and after them a reset, when what is to be waited for has come."""
        self.words += words
        self.lines += [f"hold({len(words)});", moment, "drop;"]
        self._counts = dict.fromkeys(COUNTS, 0)

    def _soft_reset(self) -> None:
        self.lines.append("write(AT_CONTROL, CONTROL_RESET, 4'hf, OKAY);")
        self._counts = dict.fromkeys(COUNTS, 0)

    def _state(self, flags: str = "0") -> None:
        """See that the registers are as they should be when nothing is on its way."""
        self.lines.append(f"check_state({flags}, {', '.join(map(str, self._counts.values()))});")

    def _due(self) -> None:
        """Expect the result of the next sample."""
        self.results.append(self._packed[self.current])
        self.sent += 1
        self._counts["samples"] += 1
        self._counts["results"] += 1

    def _send(self, words: list[int], results: int = 0) -> None:
        self.words += words
        self.lines.append(f"send({len(words)}, {results});")

    def _packet(self, octets: bytes) -> list[int]:
        """The words of a packet."""
        words = []
        for start in range(0, len(octets), self.size):
            part = octets[start : start + self.size]
            ends = start + self.size >= len(octets)
            words.append(self._word(int.from_bytes(part, "little"), (1 << len(part)) - 1, last=ends))
        return words

    def _word(self, data: int, keep: int, *, last: bool) -> int:
        return data | keep << 8 * self.size | last << 9 * self.size
