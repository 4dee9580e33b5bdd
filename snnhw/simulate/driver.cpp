// Runs a verilated circuit cycle by cycle: sends samples, takes results, records the verification taps.
//
// Between samples it sends what must leave nothing behind: entries of the plan that give no result, which a reset may
// follow.
//
// It knows the ports that every circuit has (clk, rst, error, sample, result) and reads their widths from the C++ types
// that Verilator chose. Taps are found by name when the simulation begins. All functions have C linkage; none throws.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "circuit.h"
#if VM_TRACE_FST
#include "verilated_fst_c.h"
using WaveformFile = VerilatedFstC;
#elif VM_TRACE
#include "verilated_vcd_c.h"
using WaveformFile = VerilatedVcdC;
#endif

namespace {

constexpr int kResetCycles = 2;

enum Status : int { kRunning = 0, kDone = 1, kStuck = 2, kFailed = 3 };

// The stream of weights, which circuits have that take new ones.
template <typename Circuit>
constexpr bool takes_weights() {
    return requires(Circuit& circuit) { circuit.weights___05Fvalid; };
}

template <typename Circuit>
void offer_weights(Circuit& circuit, bool valid, uint16_t item) {
    if constexpr (takes_weights<Circuit>()) {
        circuit.weights___05Fvalid = valid;
        circuit.weights___05Fpayload = item;
    }
}

template <typename Circuit>
bool weights_ready(const Circuit& circuit) {
    if constexpr (takes_weights<Circuit>()) return circuit.weights___05Fready;
    return false;
}

}  // namespace

// What a run is; the layout is repeated in verilator.py.
struct RunPlan {
    const uint32_t* words;    // the beats of all entries, `words_per_beat` each
    const int64_t* first;     // [entries + 1] beats before each entry
    const int64_t* answered;  // [entries] 1: a sample, which gives a result
    const int64_t* reset;     // [entries] when there is a reset, in 256ths of the last latency; -1: none
    int64_t entries;
    int64_t samples;          // entries that are answered
    int64_t words_per_beat;
    int64_t isolated;         // 1: a sample waits for the previous result and `gap` cycles
    int64_t gap;              // also the cycles that are run after the last result
    int64_t patience;         // cycles without a transfer at the ports until the run counts as stuck
    int64_t source_stall;     // chance of 256 that the source pauses in a cycle
    int64_t sink_stall;       // chance of 256 that the sink is not ready in a cycle
    uint64_t seed;
    int64_t trace_first;      // the samples from and to which a waveform is written
    int64_t trace_last;
    const uint16_t* weights;  // bytes of images, 256 added to the last of each
    int64_t weight_count;
    int64_t weights_before;   // the sample before which they are sent, once all before it have given their results
};

class Driver {
public:
    Driver() : context_{new VerilatedContext}, top_{nullptr}, random_{0} {
        context_->traceEverOn(VM_TRACE);
        top_.reset(new Vcircuit{context_.get()});
        top_->rst = 1;
        top_->sample___05Fvalid = 0;
        top_->result___05Fready = 0;
        offer_weights(*top_, false, 0);
        top_->clk = 0;
        top_->eval();
    }

    ~Driver() {
        Verilated::threadContextp(context_.get());  // scopes leave the context of the thread that deletes them
        try {
            finish();
        } catch (const std::exception&) {
            // The run has told of it, or has failed for another reason.
        }
        top_->final();
    }

    void open_waveform(const char* path) {
#if VM_TRACE
        waveform_.reset(new WaveformFile);
        top_->trace(waveform_.get(), 99);
        waveform_->open(path);
        if (!waveform_->isOpen()) throw std::runtime_error(std::string("cannot write ") + path);
#else
        throw std::runtime_error(std::string("built without waveforms, cannot write ") + path);
#endif
    }

    // Returns the number of the tap; every signal must be there in the given width.
    int add_tap(const char* scope, const char* strobe, int count, const char* const* names, const int* widths) {
        Tap tap;
        tap.strobe = static_cast<const uint8_t*>(find_variable(*context_, scope, strobe, 1).data);
        for (int i = 0; i < count; ++i) tap.signals.push_back(find_variable(*context_, scope, names[i], widths[i]));
        taps_.push_back(std::move(tap));
        return static_cast<int>(taps_.size()) - 1;
    }

    void begin(const RunPlan& plan) {
        if (plan.words_per_beat != kSampleWords) throw std::runtime_error("beats of another width than the port");
        if (plan.weight_count > 0 && !takes_weights<Vcircuit>()) throw std::runtime_error("the circuit takes no weights");
        plan_ = plan;
        random_ = Random{plan.seed};
        errors_.reserve(plan.entries);
        started_.reserve(plan.samples);
        finished_.reserve(plan.samples);
        results_.reserve(plan.samples * kResultWords);
    }

    Status run(int64_t cycles) {
        for (; cycles > 0; --cycles) {
            if (complete() && entry_ == plan_.entries && cycle_ - progress_ > plan_.gap) {
                finish();
                return kDone;
            }
            if (cycle_ - progress_ > plan_.patience) {
                finish();
                return kStuck;
            }
            step();
        }
        return kRunning;
    }

    void finish() {
#if VM_TRACE
        writing([&] {
            if (!waveform_) return;
            // Without any time, where the run ended before the first sample that is asked for, FST cannot be read.
            if (!dumped_) waveform_->dump(time());
            waveform_->close();
            waveform_.reset();
        });
#endif
    }

    int64_t cycle() const { return cycle_ - kResetCycles; }
    int64_t result_count() const { return result_count_; }
    int64_t error_cycles() const { return error_cycles_; }
    const std::vector<uint8_t>& errors() const { return errors_; }
    const std::vector<int64_t>& started() const { return started_; }
    const std::vector<int64_t>& finished() const { return finished_; }
    const std::vector<uint32_t>& results() const { return results_; }
    const Tap& tap(int index) const { return taps_.at(index); }

    static constexpr int kSampleWords = words_of<std::decay_t<decltype(Vcircuit::sample___05Fpayload)>>();
    static constexpr int kResultWords = words_of<std::decay_t<decltype(Vcircuit::result___05Fpayload)>>();

    std::string message;

private:
    uint64_t time() const { return static_cast<uint64_t>(cycle_) * 10; }

    bool complete() const { return result_count_ >= plan_.samples; }

    // Whether the circuit is reset at `reset_at_`, or will be: nothing is sent before that.
    bool awaits_reset() const { return cycle_ < reset_at_ + kResetCycles; }

    // Whether the entry that is sent now is one that a reset ends.
    bool interrupted() const { return entry_ < plan_.entries && plan_.reset[entry_] >= 0; }

    // Whether a beat is on offer in this cycle; one that was offered stays until it is taken.
    bool offers() {
        if (awaits_reset() || entry_ >= plan_.entries) return false;
        if (sample_ == plan_.weights_before && weight_ < plan_.weight_count) return false;
        if (offered_) return true;
        if (beat_ == plan_.first[entry_]) {
            const bool answers = result_count_ >= sample_;
            if (interrupted() && !answers) return false;
            if (plan_.isolated && !(answers && cycle_ - progress_ > plan_.gap)) return false;
        }
        return !random_.happens(plan_.source_stall);
    }

    void step() {
        const bool reset = awaits_reset() && cycle_ >= reset_at_;
        // The result of what a reset ends is not taken, should it come before the reset.
        const bool refuses = awaits_reset() || (interrupted() && beat_ > plan_.first[entry_]);
        const bool waited = !offered_;
        offered_ = offers();
        if (offered_ && waited && interrupted() && beat_ == plan_.first[entry_]) {
            for (Tap& tap : taps_) tap.mark();
        }
        top_->rst = reset;
        top_->sample___05Fvalid = offered_;
        if (offered_) set_port(top_->sample___05Fpayload, plan_.words + beat_ * kSampleWords);
        top_->result___05Fready = !refuses && !random_.happens(plan_.sink_stall);
        const bool loads = !reset && weight_ < plan_.weight_count && result_count_ >= plan_.weights_before;
        offer_weights(*top_, loads, loads ? plan_.weights[weight_] : 0);
        top_->clk = 0;
        top_->eval();
        dump(0);
        if (loads && weights_ready(*top_)) {
            ++weight_;
            progress_ = cycle_;
        }
        if (!reset) observe();
        if (cycle_ == reset_at_) {
            for (Tap& tap : taps_) tap.forget();
        }
        top_->clk = 1;
        top_->eval();
        dump(1);
        ++cycle_;
    }

    void observe() {
        for (Tap& tap : taps_) tap.sample();
        error_cycles_ += top_->error;
        if (cycle_ == told_at_) errors_.push_back(top_->error);
        if (offered_ && top_->sample___05Fready) {
            if (beat_ == plan_.first[entry_] && plan_.answered[entry_]) started_.push_back(cycle());
            offered_ = false;
            progress_ = cycle_;
            if (++beat_ == plan_.first[entry_ + 1]) end_entry();
        }
        if (top_->result___05Fvalid && top_->result___05Fready) {
            if (!complete()) {
                finished_.push_back(cycle());
                results_.resize(results_.size() + kResultWords);
                get_port(top_->result___05Fpayload, &results_[results_.size() - kResultWords]);
                progress_ = cycle_;
            }
            ++result_count_;
        }
    }

    // Cycles that the latest sample took; 0 where there is none, or where results came that nobody asked for.
    int64_t last_latency() const {
        const size_t count = finished_.size();
        if (count == 0 || count > started_.size()) return 0;
        return std::max<int64_t>(0, finished_.back() - started_[count - 1]);
    }

    // The last beat of an entry has been taken.
    void end_entry() {
        told_at_ = cycle_ + 1;
        if (interrupted()) {
            reset_at_ = cycle_ + 1 + plan_.reset[entry_] * last_latency() / 256;
            told_at_ = reset_at_ + kResetCycles;
        }
        sample_ += plan_.answered[entry_];
        ++entry_;
    }

#if VM_TRACE
    // Where the file cannot be written, its writer is left as it is: it would try again, and end the process.
    template <typename Action>
    void writing(Action action) {
        try {
            action();
        } catch (const std::exception& error) {
            (void)waveform_.release();
            throw std::runtime_error(std::string("cannot write the waveform (") + error.what() +
                                     "); choose a place with room");
        }
    }
#endif

    void dump(int half) {
#if VM_TRACE
        if (!waveform_ || sample_ < plan_.trace_first || result_count_ > plan_.trace_last) return;
        writing([&] { waveform_->dump(time() + half * 5); });
        dumped_ = true;
#else
        (void)half;
#endif
    }

    std::unique_ptr<VerilatedContext> context_;
    std::unique_ptr<Vcircuit> top_;
#if VM_TRACE
    std::unique_ptr<WaveformFile> waveform_;
    bool dumped_ = false;
#endif
    RunPlan plan_{};
    Random random_;
    std::vector<Tap> taps_;
    std::vector<uint8_t> errors_;
    std::vector<int64_t> started_, finished_;
    std::vector<uint32_t> results_;
    int64_t cycle_ = 0, progress_ = 0, entry_ = 0, sample_ = 0, beat_ = 0, weight_ = 0, result_count_ = 0;
    int64_t reset_at_ = 0;  // the first cycle of the latest reset
    int64_t told_at_ = -1;  // the cycle in which `error` tells of the latest entry
    int64_t error_cycles_ = 0;
    bool offered_ = false;
};

namespace {

// Runs `action` and keeps what goes wrong as the driver's message; -1 (or kFailed) tells of it.
template <typename Action>
int guarded(Driver* driver, int failed, Action action) {
    try {
        return action();
    } catch (const std::exception& error) {
        driver->message = error.what();
        return failed;
    }
}

}  // namespace

extern "C" {

Driver* snnhw_new() {
    try {
        return new Driver;
    } catch (const std::exception&) {
        return nullptr;
    }
}

void snnhw_delete(Driver* driver) { delete driver; }

const char* snnhw_message(Driver* driver) { return driver->message.c_str(); }

int snnhw_open_waveform(Driver* driver, const char* path) {
    return guarded(driver, -1, [&] { return driver->open_waveform(path), 0; });
}

int snnhw_add_tap(Driver* driver, const char* scope, const char* strobe, int count, const char* const* names,
                  const int* widths) {
    return guarded(driver, -1, [&] { return driver->add_tap(scope, strobe, count, names, widths); });
}

int snnhw_begin(Driver* driver, const RunPlan* plan) {
    return guarded(driver, -1, [&] { return driver->begin(*plan), 0; });
}

int snnhw_run(Driver* driver, int64_t cycles) {
    return guarded(driver, kFailed, [&] { return static_cast<int>(driver->run(cycles)); });
}

int64_t snnhw_cycle(Driver* driver) { return driver->cycle(); }
int64_t snnhw_result_count(Driver* driver) { return driver->result_count(); }
int64_t snnhw_error_count(Driver* driver) { return static_cast<int64_t>(driver->errors().size()); }
int64_t snnhw_error_cycles(Driver* driver) { return driver->error_cycles(); }
int64_t snnhw_started_count(Driver* driver) { return static_cast<int64_t>(driver->started().size()); }
int64_t snnhw_finished_count(Driver* driver) { return static_cast<int64_t>(driver->finished().size()); }
int64_t snnhw_tap_count(Driver* driver, int tap) { return driver->tap(tap).count; }
int64_t snnhw_result_words(Driver*) { return Driver::kResultWords; }

void snnhw_copy_cycles(Driver* driver, int64_t* started, int64_t* finished) {
    std::copy(driver->started().begin(), driver->started().end(), started);
    std::copy(driver->finished().begin(), driver->finished().end(), finished);
}

void snnhw_copy_errors(Driver* driver, uint8_t* errors) {
    std::copy(driver->errors().begin(), driver->errors().end(), errors);
}

void snnhw_copy_results(Driver* driver, uint32_t* words) {
    std::copy(driver->results().begin(), driver->results().end(), words);
}

void snnhw_copy_tap(Driver* driver, int tap, uint32_t* words) {
    const std::vector<uint32_t>& recorded = driver->tap(tap).words;
    std::copy(recorded.begin(), recorded.end(), words);
}

}  // extern "C"
