// Runs a verilated circuit at the end of a serial line: bytes become levels of rx, levels of tx become bytes, 8N1.
//
// It knows the ports clk, rst, rx, tx and busy.

#include <algorithm>
#include <cstdint>
#include <deque>
#include <vector>

#include "circuit.h"

namespace {

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

class Line : public Circuit {
public:
    explicit Line(const char* folder)
        : Circuit{folder}, rx_{model.flag("rx")}, tx_{model.flag("tx")}, busy_{model.flag("busy")} {}

    // Before the first cycle.
    void set_bit(int64_t cycles) {
        bit_cycles_ = cycles;
        sender_ = Sender{cycles};
        receiver_ = Receiver{cycles};
    }

    void put(const uint8_t* bytes, int64_t count) { sender_.put(bytes, count); }

    bool idle() const { return sender_.idle() && !busy_ && receiver_.quiet_cycles() > kQuietBits * bit_cycles_; }

    std::vector<uint8_t> received;

protected:
    void drive() override {
        rst = starting();
        rx_ = starting() ? 1 : sender_.next();
    }

    void observe() override {
        uint8_t byte;
        if (!starting() && receiver_.take(tx_, &byte)) received.push_back(byte);
    }

private:
    uint8_t& rx_;
    uint8_t& tx_;
    uint8_t& busy_;
    int64_t bit_cycles_ = 1;
    Sender sender_{1};
    Receiver receiver_{1};
};

Line& line_of(Circuit* circuit) { return static_cast<Line&>(*circuit); }

}  // namespace

Circuit* make_circuit(const char* folder) { return new Line{folder}; }

extern "C" {

void line_set_bit(Circuit* circuit, int64_t cycles) { line_of(circuit).set_bit(cycles); }

void line_put(Circuit* circuit, const uint8_t* bytes, int64_t count) { line_of(circuit).put(bytes, count); }

// 1 once nothing happens any more until bytes are put.
int line_idle(Circuit* circuit) { return line_of(circuit).idle(); }

int64_t line_received(Circuit* circuit) { return static_cast<int64_t>(line_of(circuit).received.size()); }

// Writes the bytes that have come into `bytes`, and forgets them.
void line_take(Circuit* circuit, uint8_t* bytes) {
    std::vector<uint8_t>& received = line_of(circuit).received;
    std::copy(received.begin(), received.end(), bytes);
    received.clear();
}

}  // extern "C"
