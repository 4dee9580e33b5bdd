// Runs a verilated circuit that does one command after the other: sends what waits for its streams, takes what they give.
//
// STREAMS(IN, OUT), which stands before this text, names the streams in order, as IN(command) OUT(result). One of those
// in is `command`: the circuit is done when that one is ready, nothing waits for it and nothing else has moved.

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include "circuit.h"

#define NUMBER(name) kStream_##name,
#define NAMED(name, port) top->name##___05F##port
#define WIDTH(name) words_of<std::decay_t<decltype(Vcircuit::name##___05Fpayload)>>(),
#define OFFER(name) streams[kStream_##name].offer(pauses(source_stall_), NAMED(name, valid), NAMED(name, payload));
#define ACCEPT(name) NAMED(name, ready) = !pauses(sink_stall_);
#define SENT(name) any |= streams[kStream_##name].sent(NAMED(name, ready), cycle());
#define TAKEN(name) \
    any |= streams[kStream_##name].took(NAMED(name, valid), NAMED(name, ready), NAMED(name, payload), cycle());

namespace {

enum Number : int { STREAMS(NUMBER, NUMBER) kStreams };

// A stream, in either direction: its payloads and the cycles of their transfers.
struct Stream {
    int width = 0;
    std::vector<uint32_t> words;
    std::vector<int64_t> cycles;
    bool offered = false;

    int64_t waiting() const { return static_cast<int64_t>(words.size() / width - cycles.size()); }

    template <typename Payload>
    void offer(bool pauses, uint8_t& valid, Payload& payload) {
        offered = offered || (!pauses && waiting() > 0);
        valid = offered;
        if (offered) set_port(payload, words.data() + cycles.size() * width);
    }

    bool sent(bool ready, int64_t cycle) {
        if (!offered || !ready) return false;
        offered = false;
        cycles.push_back(cycle);
        return true;
    }

    template <typename Payload>
    bool took(bool valid, bool ready, const Payload& payload, int64_t cycle) {
        if (!valid || !ready) return false;
        words.resize(words.size() + width);
        get_port(payload, words.data() + words.size() - width);
        cycles.push_back(cycle);
        return true;
    }

    void clear() {
        words.clear();
        cycles.clear();
    }
};

class Driver : public Circuit {
public:
    Driver() {
        const int widths[] = {STREAMS(WIDTH, WIDTH)};
        for (int i = 0; i < kStreams; ++i) streams[i].width = widths[i];
    }

    void stall(uint64_t seed, int source, int sink) {
        random_ = Random{seed};
        source_stall_ = source;
        sink_stall_ = sink;
    }

    void send(int stream, const uint32_t* words, int64_t count) {
        std::vector<uint32_t>& waiting = streams[stream].words;
        waiting.insert(waiting.end(), words, words + count * streams[stream].width);
        idle_ = false;
    }

    void clear() {
        for (Stream& stream : streams) stream.clear();
        for (Tap& tap : taps) {
            tap.words.clear();
            tap.count = 0;
        }
    }

    Stream streams[kStreams];

protected:
    bool done() const override { return idle_; }

    void drive() override {
        top->rst = starting();
        STREAMS(OFFER, ACCEPT)
    }

    void observe() override {
        if (starting()) return;
        bool any = false;
        for (Tap& tap : taps) {
            tap.sample();
            any |= *tap.strobe != 0;
        }
        const bool waits = top->command___05Fready && streams[kStream_command].waiting() == 0;
        STREAMS(SENT, TAKEN)
        if (any) moved();
        idle_ = waits && !any;
    }

private:
    // Whether a source or sink of that stall pauses in this cycle; all do in the first reset.
    bool pauses(int stall) { return starting() || (stall != 0 && random_.happens(stall)); }

    Random random_{0};
    int source_stall_ = 0, sink_stall_ = 0;
    bool idle_ = false;
};

Driver& driver_of(Circuit* circuit) { return static_cast<Driver&>(*circuit); }

}  // namespace

Circuit* make_circuit() { return new Driver; }

extern "C" {

void commands_stall(Circuit* circuit, uint64_t seed, int source, int sink) {
    driver_of(circuit).stall(seed, source, sink);
}

void commands_send(Circuit* circuit, int stream, const uint32_t* words, int64_t count) {
    driver_of(circuit).send(stream, words, count);
}

void commands_clear(Circuit* circuit) { driver_of(circuit).clear(); }

int64_t commands_transfers(Circuit* circuit, int stream) {
    return static_cast<int64_t>(driver_of(circuit).streams[stream].cycles.size());
}

void commands_copy(Circuit* circuit, int stream, int64_t* cycles, uint32_t* words) {
    const Stream& all = driver_of(circuit).streams[stream];
    std::copy(all.cycles.begin(), all.cycles.end(), cycles);
    std::copy_n(all.words.begin(), all.cycles.size() * all.width, words);
}

}  // extern "C"
