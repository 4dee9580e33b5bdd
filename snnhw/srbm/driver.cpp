// Runs a verilated spiking RBM: sends what waits for its streams, takes what it gives, records its taps.
//
// It knows the streams that every such circuit has. All functions have C linkage; none throws.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "circuit.h"

namespace {

constexpr int kResetCycles = 2;

enum Status : int { kRunning = 0, kIdle = 1, kStuck = 2, kFailed = 3 };
enum Input : int { kCommand, kPixels, kLevelsIn, kInputs };
enum Output : int { kResult, kImage, kLevelsOut, kOutputs };

// A stream, in either direction: its payloads and the cycles of their transfers.
struct Stream {
    int width = 0;
    std::vector<uint32_t> words;
    std::vector<int64_t> cycles;
    int64_t moved = 0;
    bool offered = false;

    int64_t waiting() const { return static_cast<int64_t>(words.size()) / width - moved; }

    template <typename Payload>
    void offer(bool may, uint8_t& valid, Payload& payload) {
        offered = offered || (may && waiting() > 0);
        valid = offered;
        if (offered) set_port(payload, words.data() + moved * width);
    }

    bool sent(bool ready, int64_t cycle) {
        if (!offered || !ready) return false;
        ++moved;
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
        moved = 0;
    }
};

template <typename Payload>
constexpr int width_of = words_of<std::decay_t<Payload>>();

class Driver {
  public:
    Driver() : context_{new VerilatedContext}, top_{new Vcircuit{context_.get()}}, random_{0} {
        inputs[kCommand].width = width_of<decltype(Vcircuit::command___05Fpayload)>;
        inputs[kPixels].width = width_of<decltype(Vcircuit::pixels___05Fpayload)>;
        inputs[kLevelsIn].width = width_of<decltype(Vcircuit::levels_in___05Fpayload)>;
        outputs[kResult].width = width_of<decltype(Vcircuit::result___05Fpayload)>;
        outputs[kImage].width = width_of<decltype(Vcircuit::image___05Fpayload)>;
        outputs[kLevelsOut].width = width_of<decltype(Vcircuit::levels_out___05Fpayload)>;
        top_->clk = 0;
        top_->rst = 1;
        top_->eval();
    }

    ~Driver() {
        Verilated::threadContextp(context_.get());  // scopes leave the context of the thread that deletes them
        top_->final();
    }

    void set_tap(const char* scope, const char* strobe, int count, const char* const* names, const int* widths) {
        tap.strobe = static_cast<const uint8_t*>(find_variable(*context_, scope, strobe, 1).data);
        for (int i = 0; i < count; ++i) tap.signals.push_back(find_variable(*context_, scope, names[i], widths[i]));
    }

    void stall(uint64_t seed, int source, int sink) {
        random_ = Random{seed};
        source_stall_ = source;
        sink_stall_ = sink;
    }

    // Until the circuit waits for a command and none is left, or nothing has moved for `patience` cycles.
    Status run(int64_t cycles, int64_t patience) {
        for (; cycles > 0; --cycles) {
            step();
            if (idle_) return kIdle;
            if (cycle_ - progress_ > patience) return kStuck;
        }
        return kRunning;
    }

    void clear() {
        for (Stream& stream : inputs) stream.clear();
        for (Stream& stream : outputs) stream.clear();
        tap.words.clear();
        tap.count = 0;
    }

    int64_t cycle() const { return cycle_ - kResetCycles; }

    Stream inputs[kInputs], outputs[kOutputs];
    Tap tap;
    std::string message;

  private:
    bool source() { return source_stall_ == 0 || !random_.happens(source_stall_); }
    bool sink() { return sink_stall_ == 0 || !random_.happens(sink_stall_); }

    void step() {
        const bool runs = cycle_ >= kResetCycles;
        top_->rst = !runs;
        inputs[kCommand].offer(runs && source(), top_->command___05Fvalid, top_->command___05Fpayload);
        inputs[kPixels].offer(runs && source(), top_->pixels___05Fvalid, top_->pixels___05Fpayload);
        inputs[kLevelsIn].offer(runs && source(), top_->levels_in___05Fvalid, top_->levels_in___05Fpayload);
        top_->result___05Fready = runs && sink();
        top_->image___05Fready = runs && sink();
        top_->levels_out___05Fready = runs && sink();
        top_->clk = 0;
        top_->eval();
        if (runs) observe();
        top_->clk = 1;
        top_->eval();
        ++cycle_;
    }

    void observe() {
        if (tap.strobe) tap.sample();
        const bool waits = top_->command___05Fready && inputs[kCommand].waiting() == 0;
        bool moved = tap.strobe && *tap.strobe;
        moved |= inputs[kCommand].sent(top_->command___05Fready, cycle());
        moved |= inputs[kPixels].sent(top_->pixels___05Fready, cycle());
        moved |= inputs[kLevelsIn].sent(top_->levels_in___05Fready, cycle());
        moved |= outputs[kResult].took(top_->result___05Fvalid, top_->result___05Fready, top_->result___05Fpayload, cycle());
        moved |= outputs[kImage].took(top_->image___05Fvalid, top_->image___05Fready, top_->image___05Fpayload, cycle());
        moved |= outputs[kLevelsOut].took(top_->levels_out___05Fvalid, top_->levels_out___05Fready,
                                          top_->levels_out___05Fpayload, cycle());
        if (moved) progress_ = cycle_;
        idle_ = waits && !moved;
    }

    std::unique_ptr<VerilatedContext> context_;
    std::unique_ptr<Vcircuit> top_;
    Random random_;
    int source_stall_ = 0, sink_stall_ = 0;
    int64_t cycle_ = 0, progress_ = 0;
    bool idle_ = false;
};

}  // namespace

extern "C" {

Driver* srbm_new() {
    try {
        return new Driver;
    } catch (const std::exception&) {
        return nullptr;
    }
}

void srbm_delete(Driver* driver) { delete driver; }

const char* srbm_message(Driver* driver) { return driver->message.c_str(); }

int srbm_set_tap(Driver* driver, const char* scope, const char* strobe, int count, const char* const* names,
                 const int* widths) {
    try {
        driver->set_tap(scope, strobe, count, names, widths);
        return 0;
    } catch (const std::exception& error) {
        driver->message = error.what();
        return -1;
    }
}

void srbm_stall(Driver* driver, uint64_t seed, int source, int sink) { driver->stall(seed, source, sink); }

void srbm_send(Driver* driver, int stream, const uint32_t* words, int64_t count) {
    std::vector<uint32_t>& waiting = driver->inputs[stream].words;
    waiting.insert(waiting.end(), words, words + count * driver->inputs[stream].width);
}

int srbm_run(Driver* driver, int64_t cycles, int64_t patience) {
    try {
        return driver->run(cycles, patience);
    } catch (const std::exception& error) {
        driver->message = error.what();
        return kFailed;
    }
}

void srbm_clear(Driver* driver) { driver->clear(); }

int64_t srbm_cycle(Driver* driver) { return driver->cycle(); }
int64_t srbm_sent(Driver* driver, int stream) { return driver->inputs[stream].moved; }
int64_t srbm_taken(Driver* driver, int stream) { return driver->outputs[stream].cycles.size(); }
int64_t srbm_tap_count(Driver* driver) { return driver->tap.count; }

void srbm_copy_sent(Driver* driver, int stream, int64_t* cycles) {
    const std::vector<int64_t>& all = driver->inputs[stream].cycles;
    std::copy(all.begin(), all.end(), cycles);
}

void srbm_copy_taken(Driver* driver, int stream, int64_t* cycles, uint32_t* words) {
    const Stream& taken = driver->outputs[stream];
    std::copy(taken.cycles.begin(), taken.cycles.end(), cycles);
    std::copy(taken.words.begin(), taken.words.end(), words);
}

void srbm_copy_tap(Driver* driver, uint32_t* words) {
    std::copy(driver->tap.words.begin(), driver->tap.words.end(), words);
}

}  // extern "C"
