// What drivers of verilated circuits share: the loop over cycles and its C functions, taps, stalls.
//
// A driver derives a class from Circuit and defines make_circuit(). All functions have C linkage; none throws.

#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "model.h"

namespace {

constexpr int kResetCycles = 2;

enum Status : int { kRunning = 0, kDone = 1, kStuck = 2, kFailed = 3 };

// A variable of the circuit, as it is stored: 1, 2, 4 or 8 bytes, or 32-bit words, lowest first.
struct Variable {
    const void* data;
    int bits;

    int words() const { return (bits + 31) / 32; }

    void append_to(std::vector<uint32_t>& record) const {
        if (bits <= 8) {
            record.push_back(*static_cast<const uint8_t*>(data));
        } else if (bits <= 16) {
            record.push_back(*static_cast<const uint16_t*>(data));
        } else {
            const uint32_t* first = static_cast<const uint32_t*>(data);
            record.insert(record.end(), first, first + words());
        }
    }
};

// The ports of a stream.
struct StreamPorts {
    StreamPorts(const Model& model, const std::string& name)
        : valid{model.flag(name + "__valid")},
          ready{model.flag(name + "__ready")},
          payload{model.port(name + "__payload")} {}

    uint8_t& valid;
    uint8_t& ready;
    Port payload;
};

struct Tap {
    const uint8_t* strobe = nullptr;
    std::vector<Variable> signals;
    std::vector<uint32_t> words;
    int64_t count = 0;
    size_t kept_words = 0;
    int64_t kept_count = 0;

    void sample() {
        if (!*strobe) return;
        for (const Variable& signal : signals) signal.append_to(words);
        ++count;
    }

    // Whatever comes from now on until `forget` is not kept.
    void mark() {
        kept_words = words.size();
        kept_count = count;
    }

    void forget() {
        words.resize(kept_words);
        count = kept_count;
    }
};

// xorshift64*: the same stalls from the same seed on every machine.
struct Random {
    uint64_t state;

    explicit Random(uint64_t seed) : state{seed * 2 + 1} {}

    bool happens(uint32_t of_256) {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        return (state * 0x2545F4914F6CDD1DULL) >> 56 < of_256;
    }
};

}  // namespace

// A circuit and its clock: a cycle is `drive`, the falling edge, `observe`, the rising edge.
class Circuit {
public:
    // $readmemh reads files below `folder`, which ends with a slash.
    explicit Circuit(const char* folder) : model{folder}, rst{model.flag("rst")}, clk_{model.flag("clk")} {}

    virtual ~Circuit() = default;

    void enter_thread() { model.enter_thread(); }

    // Returns the number of the tap; every signal must be there in the given width.
    int add_tap(const char* scope, const char* strobe, int count, const char* const* names, const int* widths) {
        Tap tap;
        tap.strobe = static_cast<const uint8_t*>(model.variable(scope, strobe, 1));
        for (int i = 0; i < count; ++i)
            tap.signals.push_back(Variable{model.variable(scope, names[i], widths[i]), widths[i]});
        taps.push_back(std::move(tap));
        return static_cast<int>(taps.size()) - 1;
    }

    // So many cycles at most: until the driver is done, or nothing has moved for `patience` cycles.
    Status run(int64_t cycles, int64_t patience) {
        for (; cycles > 0; --cycles) {
            const Status status = done() ? kDone : now - moved_at > patience ? kStuck : kRunning;
            if (status != kRunning) return finish(), status;
            drive();
            edge(0);
            observe();
            edge(1);
            ++now;
        }
        return kRunning;
    }

    // The cycle that comes next, counted from the end of the first reset.
    int64_t cycle() const { return now - kResetCycles; }

    std::vector<Tap> taps;
    std::string message;

protected:
    virtual bool done() const { return false; }
    // Sets the inputs of a cycle, `rst` among them.
    virtual void drive() = 0;
    // Looks at the outputs of a cycle, before the registers change.
    virtual void observe() = 0;
    // After each half of a cycle.
    virtual void shown(int) {}
    // At the end of a run.
    virtual void finish() {}

    bool starting() const { return now < kResetCycles; }
    void moved() { moved_at = now; }

    Model model;
    uint8_t& rst;
    int64_t now = 0;       // cycles so far, those of the first reset included
    int64_t moved_at = 0;  // the latest cycle in which something moved

private:
    void edge(int level) {
        clk_ = level;
        model.eval();
        shown(level);
    }

    uint8_t& clk_;
};

// The circuit that a driver drives; `folder` is that of its files.
Circuit* make_circuit(const char* folder);

// Runs `action` and keeps what goes wrong as the circuit's message; `failed` tells of it.
template <typename Action>
int guarded(Circuit* circuit, int failed, Action action) {
    try {
        return action();
    } catch (const std::exception& error) {
        circuit->message = error.what();
        return failed;
    }
}

extern "C" {

// A circuit whose $readmemh reads files below `path`, which ends with a slash; nullptr, and why, where it cannot start.
Circuit* circuit_new(const char* path, char* message, int64_t size) {
    try {
        return make_circuit(path);
    } catch (const std::exception& error) {
        std::snprintf(message, size, "%s", error.what());
        return nullptr;
    }
}

void circuit_delete(Circuit* circuit) {
    circuit->enter_thread();
    delete circuit;
}

const char* circuit_message(Circuit* circuit) { return circuit->message.c_str(); }

int circuit_add_tap(Circuit* circuit, const char* scope, const char* strobe, int count, const char* const* names,
                    const int* widths) {
    return guarded(circuit, -1, [&] { return circuit->add_tap(scope, strobe, count, names, widths); });
}

int circuit_run(Circuit* circuit, int64_t cycles, int64_t patience) {
    return guarded(circuit, kFailed, [&] { return static_cast<int>(circuit->run(cycles, patience)); });
}

int64_t circuit_cycle(Circuit* circuit) { return circuit->cycle(); }
int64_t circuit_tap_count(Circuit* circuit, int tap) { return circuit->taps.at(tap).count; }

void circuit_copy_tap(Circuit* circuit, int tap, uint32_t* words) {
    const std::vector<uint32_t>& recorded = circuit->taps.at(tap).words;
    std::copy(recorded.begin(), recorded.end(), words);
}

}  // extern "C"
