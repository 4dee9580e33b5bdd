// Runs a verilated circuit at the end of a serial line: bytes become levels of rx, levels of tx become bytes, 8N1.
//
// It knows the ports clk, rst, rx, tx and busy. All functions have C linkage; none throws.

#include <cstdint>
#include <deque>
#include <memory>
#include <stdexcept>
#include <string>

#include "Vcircuit.h"
#include "verilated.h"

// Verilator's own version ends the process, which would be the user's Python.
void vl_fatal(const char*, int, const char*, const char* message) { throw std::runtime_error(message); }

namespace {

constexpr int kResetCycles = 2;
constexpr int kBits = 10;       // of a byte on the line
constexpr int kQuietBits = 30;  // without anything on either line after which nothing more is to be expected

class Sender {
  public:
    explicit Sender(int64_t bit_cycles) : bit_cycles_{bit_cycles} {}

    void put(const uint8_t* bytes, int64_t count) { waiting_.insert(waiting_.end(), bytes, bytes + count); }
    bool idle() const { return waiting_.empty() && bits_ == 0; }

    // The level in the next cycle.
    int next() {
        if (idle()) return 1;
        if (bits_ == 0) {
            word_ = waiting_.front() << 1 | 1 << (kBits - 1);
            waiting_.pop_front();
            bits_ = kBits;
        }
        const int level = word_ & 1;
        if (++cycle_ == bit_cycles_) {
            cycle_ = 0;
            word_ >>= 1;
            --bits_;
        }
        return level;
    }

  private:
    int64_t bit_cycles_;
    std::deque<uint8_t> waiting_;
    unsigned word_ = 0;
    int bits_ = 0;
    int64_t cycle_ = 0;
};

class Receiver {
  public:
    explicit Receiver(int64_t bit_cycles) : bit_cycles_{bit_cycles} {}

    int64_t quiet_cycles() const { return quiet_; }

    // Takes the level of a cycle; whether it completes a byte.
    bool take(int level, uint8_t* byte) {
        quiet_ = level ? quiet_ + 1 : 0;
        if (bits_ == 0 && level) return false;
        if (bits_ == 0) {
            bits_ = kBits;
            cycle_ = bit_cycles_ / 2;
        }
        if (cycle_-- > 0) return false;
        cycle_ = bit_cycles_ - 1;
        word_ = (word_ >> 1) | level << (kBits - 1);
        if (--bits_ > 0) return false;
        *byte = static_cast<uint8_t>(word_ >> 1);
        return level;
    }

  private:
    int64_t bit_cycles_;
    unsigned word_ = 0;
    int bits_ = 0;
    int64_t cycle_ = 0;
    int64_t quiet_ = 0;
};

struct Line {
    VerilatedContext context;
    std::unique_ptr<Vcircuit> circuit;
    int64_t bit_cycles;
    Sender sender;
    Receiver receiver;
    std::string message;

    explicit Line(int64_t cycles) : bit_cycles{cycles}, sender{cycles}, receiver{cycles} {
        circuit = std::make_unique<Vcircuit>(&context);
        circuit->rst = 1;
        circuit->rx = 1;
        for (int i = 0; i < kResetCycles; ++i) cycle();
        circuit->rst = 0;
    }

    void cycle() {
        circuit->clk = 0;
        circuit->eval();
        circuit->clk = 1;
        circuit->eval();
    }

    bool idle() const {
        return sender.idle() && !circuit->busy && receiver.quiet_cycles() > kQuietBits * bit_cycles;
    }

    int64_t run(int64_t cycles, uint8_t* bytes) {
        int64_t count = 0;
        for (int64_t i = 0; i < cycles; ++i) {
            circuit->rx = sender.next();
            cycle();
            count += receiver.take(circuit->tx, bytes + count);
        }
        return count;
    }
};

}  // namespace

extern "C" {

void* snnhw_line_new(int64_t bit_cycles) {
    try {
        return new Line(bit_cycles);
    } catch (const std::exception&) {
        return nullptr;
    }
}

void snnhw_line_delete(void* line) { delete static_cast<Line*>(line); }

void snnhw_line_put(void* line, const uint8_t* bytes, int64_t count) {
    static_cast<Line*>(line)->sender.put(bytes, count);
}

// Runs so many cycles and writes what has come into `bytes`, which must hold a byte for every ten bits of that time.
// Returns their number, or -1 where the circuit has failed.
int64_t snnhw_line_run(void* line, int64_t cycles, uint8_t* bytes) {
    try {
        return static_cast<Line*>(line)->run(cycles, bytes);
    } catch (const std::exception& error) {
        static_cast<Line*>(line)->message = error.what();
        return -1;
    }
}

// 1 once nothing happens any more until bytes are put.
int snnhw_line_idle(void* line) { return static_cast<Line*>(line)->idle(); }

const char* snnhw_line_message(void* line) { return static_cast<Line*>(line)->message.c_str(); }
}
