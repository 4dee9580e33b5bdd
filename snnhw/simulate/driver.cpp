// Runs a verilated circuit cycle by cycle: sends samples, takes results, records the verification taps.
//
// Between samples it sends what must leave nothing behind: entries of the plan that give no result, which a reset may
// follow.
//
// It knows the ports that every circuit has (clk, rst, error, sample, result), and the stream of weights, which circuits
// have that take new ones.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <vector>

#include "circuit.h"

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
    int64_t source_stall;     // chance of 256 that the source pauses in a cycle
    int64_t sink_stall;       // chance of 256 that the sink is not ready in a cycle
    uint64_t seed;
    int64_t trace_first;      // the samples from and to which a waveform is written
    int64_t trace_last;
    const uint16_t* weights;  // bytes of images, 256 added to the last of each
    int64_t weight_count;
    int64_t weights_before;   // the sample before which they are sent, once all before it have given their results
};

class Driver : public Circuit {
public:
    explicit Driver(const char* folder)
        : Circuit{folder}, error_{model.flag("error")}, in_{model, "sample"}, out_{model, "result"} {
        if (model.has("weights__valid")) weights_.reset(new StreamPorts{model, "weights"});
    }

    ~Driver() override {
        try {
            finish();
        } catch (const std::exception&) {
            // The run has told of it, or has failed for another reason.
        }
    }

    void open_waveform(const char* path) { model.open_waveform(path); }

    void begin(const RunPlan& plan) {
        if (plan.words_per_beat != in_.payload.words())
            throw std::runtime_error("beats of another width than the port");
        if (plan.weight_count > 0 && !weights_) throw std::runtime_error("the circuit takes no weights");
        plan_ = plan;
        random_ = Random{plan.seed};
        errors_.reserve(plan.entries);
        started_.reserve(plan.samples);
        finished_.reserve(plan.samples);
        results_.reserve(plan.samples * result_words());
    }

    int64_t result_count() const { return result_count_; }
    int64_t error_cycles() const { return error_cycles_; }
    const std::vector<uint8_t>& errors() const { return errors_; }
    const std::vector<int64_t>& started() const { return started_; }
    const std::vector<int64_t>& finished() const { return finished_; }
    const std::vector<uint32_t>& results() const { return results_; }

    int result_words() const { return out_.payload.words(); }

protected:
    bool done() const override {
        return complete() && entry_ == plan_.entries && now - moved_at > plan_.gap;
    }

    void finish() override { model.close_waveform(time()); }

    void drive() override {
        const bool reset = awaits_reset() && now >= reset_at_;
        // The result of what a reset ends is not taken, should it come before the reset.
        const bool refuses = awaits_reset() || (interrupted() && beat_ > plan_.first[entry_]);
        const bool waited = !offered_;
        offered_ = offers();
        if (offered_ && waited && interrupted() && beat_ == plan_.first[entry_]) {
            for (Tap& tap : taps) tap.mark();
        }
        rst = reset;
        in_.valid = offered_;
        if (offered_) in_.payload.set(plan_.words + beat_ * plan_.words_per_beat);
        out_.ready = !refuses && !random_.happens(plan_.sink_stall);
        loads_ = !reset && weight_ < plan_.weight_count && result_count_ >= plan_.weights_before;
        if (weights_) {
            const uint32_t item = loads_ ? plan_.weights[weight_] : 0;
            weights_->valid = loads_;
            weights_->payload.set(&item);
        }
    }

    void observe() override {
        if (loads_ && weights_->ready) {
            ++weight_;
            moved();
        }
        if (!rst) observe_streams();
        if (now == reset_at_) {
            for (Tap& tap : taps) tap.forget();
        }
    }

    void shown(int half) override {
        if (!model.has_waveform() || sample_ < plan_.trace_first || result_count_ > plan_.trace_last) return;
        model.dump(time() + half * 5);
    }

private:
    uint64_t time() const { return static_cast<uint64_t>(now) * 10; }

    bool complete() const { return result_count_ >= plan_.samples; }

    // Whether the circuit is reset at `reset_at_`, or will be: nothing is sent before that.
    bool awaits_reset() const { return now < reset_at_ + kResetCycles; }

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
            if (plan_.isolated && !(answers && now - moved_at > plan_.gap)) return false;
        }
        return !random_.happens(plan_.source_stall);
    }

    void observe_streams() {
        for (Tap& tap : taps) tap.sample();
        error_cycles_ += error_;
        if (now == told_at_) errors_.push_back(error_);
        if (offered_ && in_.ready) {
            if (beat_ == plan_.first[entry_] && plan_.answered[entry_]) started_.push_back(cycle());
            offered_ = false;
            moved();
            if (++beat_ == plan_.first[entry_ + 1]) end_entry();
        }
        if (out_.valid && out_.ready) {
            if (!complete()) {
                finished_.push_back(cycle());
                results_.resize(results_.size() + result_words());
                out_.payload.get(&results_[results_.size() - result_words()]);
                moved();
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
        told_at_ = now + 1;
        if (interrupted()) {
            reset_at_ = now + 1 + plan_.reset[entry_] * last_latency() / 256;
            told_at_ = reset_at_ + kResetCycles;
        }
        sample_ += plan_.answered[entry_];
        ++entry_;
    }

    uint8_t& error_;
    StreamPorts in_, out_;                  // samples, results
    std::unique_ptr<StreamPorts> weights_;  // which circuits have that take new ones
    RunPlan plan_{};
    Random random_{0};
    std::vector<uint8_t> errors_;
    std::vector<int64_t> started_, finished_;
    std::vector<uint32_t> results_;
    int64_t entry_ = 0, sample_ = 0, beat_ = 0, weight_ = 0, result_count_ = 0;
    int64_t reset_at_ = 0;  // the first cycle of the latest reset
    int64_t told_at_ = -1;  // the cycle in which `error` tells of the latest entry
    int64_t error_cycles_ = 0;
    bool offered_ = false;
    bool loads_ = false;  // whether a byte of weights is on offer
};

Circuit* make_circuit(const char* folder) { return new Driver{folder}; }

namespace {

Driver& driver_of(Circuit* circuit) { return static_cast<Driver&>(*circuit); }

}  // namespace

extern "C" {

int samples_open_waveform(Circuit* circuit, const char* path) {
    return guarded(circuit, kFailed, [&] { return driver_of(circuit).open_waveform(path), 0; });
}

int samples_begin(Circuit* circuit, const RunPlan* plan) {
    return guarded(circuit, kFailed, [&] { return driver_of(circuit).begin(*plan), 0; });
}

int64_t samples_results(Circuit* circuit) { return driver_of(circuit).result_count(); }
int64_t samples_errors(Circuit* circuit) { return static_cast<int64_t>(driver_of(circuit).errors().size()); }
int64_t samples_error_cycles(Circuit* circuit) { return driver_of(circuit).error_cycles(); }
int64_t samples_started(Circuit* circuit) { return static_cast<int64_t>(driver_of(circuit).started().size()); }
int64_t samples_finished(Circuit* circuit) { return static_cast<int64_t>(driver_of(circuit).finished().size()); }
int64_t samples_result_words(Circuit* circuit) { return driver_of(circuit).result_words(); }

void samples_copy_cycles(Circuit* circuit, int64_t* started, int64_t* finished) {
    const Driver& driver = driver_of(circuit);
    std::copy(driver.started().begin(), driver.started().end(), started);
    std::copy(driver.finished().begin(), driver.finished().end(), finished);
}

void samples_copy_errors(Circuit* circuit, uint8_t* errors) {
    const Driver& driver = driver_of(circuit);
    std::copy(driver.errors().begin(), driver.errors().end(), errors);
}

void samples_copy_results(Circuit* circuit, uint32_t* words) {
    const Driver& driver = driver_of(circuit);
    std::copy(driver.results().begin(), driver.results().end(), words);
}

}  // extern "C"
