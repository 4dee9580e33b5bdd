// Runs a verilated circuit that does one command after the other: sends what waits for its streams, takes what they give.
//
// Streams are added in order. One of those in is `command`: the circuit is done when that one is ready, nothing waits for
// it and nothing else has moved.

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "circuit.h"

namespace {

// A stream, in either direction: its payloads and the cycles of their transfers.
struct Stream {
    StreamPorts ports;
    bool out;
    int width;
    std::vector<uint32_t> words;
    std::vector<int64_t> cycles;
    bool offered = false;

    Stream(const StreamPorts& given, bool gives) : ports{given}, out{gives}, width{given.payload.words()} {}

    int64_t waiting() const { return static_cast<int64_t>(words.size() / width - cycles.size()); }

    // Before the falling edge.
    void drive(bool pauses) {
        if (out) {
            ports.ready = !pauses;
            return;
        }
        offered = offered || (!pauses && waiting() > 0);
        ports.valid = offered;
        if (offered) ports.payload.set(words.data() + cycles.size() * width);
    }

    // Before the rising edge; whether there is a transfer in this cycle.
    bool observe(int64_t cycle) {
        if (!(out ? ports.valid : offered) || !ports.ready) return false;
        if (out) {
            words.resize(words.size() + width);
            ports.payload.get(words.data() + words.size() - width);
        }
        offered = false;
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
    explicit Driver(const char* folder) : Circuit{folder} {}

    void add_stream(const std::string& name, bool out) {
        if (name == "command") command_ = streams.size();
        streams.emplace_back(StreamPorts{model, name}, out);
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

    std::vector<Stream> streams;

protected:
    bool done() const override { return idle_; }

    void drive() override {
        rst = starting();
        for (Stream& stream : streams) stream.drive(pauses(stream.out ? sink_stall_ : source_stall_));
    }

    void observe() override {
        if (starting()) return;
        bool any = false;
        for (Tap& tap : taps) {
            tap.sample();
            any |= *tap.strobe != 0;
        }
        const Stream& command = streams[command_];
        const bool waits = command.ports.ready && command.waiting() == 0;
        for (Stream& stream : streams) any |= stream.observe(cycle());
        if (any) moved();
        idle_ = waits && !any;
    }

private:
    // Whether a source or sink of that stall pauses in this cycle; all do in the first reset.
    bool pauses(int stall) { return starting() || (stall != 0 && random_.happens(stall)); }

    Random random_{0};
    size_t command_ = 0;
    int source_stall_ = 0, sink_stall_ = 0;
    bool idle_ = false;
};

Driver& driver_of(Circuit* circuit) { return static_cast<Driver&>(*circuit); }

}  // namespace

Circuit* make_circuit(const char* folder) { return new Driver{folder}; }

extern "C" {

int commands_add_stream(Circuit* circuit, const char* name, int out) {
    return guarded(circuit, kFailed, [&] { return driver_of(circuit).add_stream(name, out), 0; });
}

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
