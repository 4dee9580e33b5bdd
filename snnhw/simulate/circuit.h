// What drivers of verilated circuits share: ports of any width, variables found by name, taps, stalls.

#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "Vcircuit.h"
#include "verilated.h"
#include "verilated_syms.h"

// Verilator's own version ends the process, which would be the user's Python.
void vl_fatal(const char*, int, const char*, const char* message) { throw std::runtime_error(message); }

namespace {

template <typename Port>
constexpr int words_of() {
    return (sizeof(Port) + 3) / 4;
}

template <typename Port>
void set_port(Port& port, const uint32_t* words) {
    if constexpr (std::is_integral_v<Port>) {
        uint64_t value = words[0];
        if constexpr (sizeof(Port) == 8) value |= static_cast<uint64_t>(words[1]) << 32;
        port = static_cast<Port>(value);
    } else {
        for (int i = 0; i < words_of<Port>(); ++i) port[i] = words[i];
    }
}

template <typename Port>
void get_port(const Port& port, uint32_t* words) {
    if constexpr (std::is_integral_v<Port>) {
        words[0] = static_cast<uint32_t>(port);
        if constexpr (sizeof(Port) == 8) words[1] = static_cast<uint32_t>(port >> 32);
    } else {
        for (int i = 0; i < words_of<Port>(); ++i) words[i] = port[i];
    }
}

// A variable of the circuit, in Verilator's storage: 1, 2, 4 or 8 bytes, or 32-bit words, lowest first.
struct Variable {
    const void* data = nullptr;
    int bits = 0;

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

// The variable of a scope; it must be there in the given width.
Variable find_variable(const VerilatedContext& context, const char* scope, const char* name, int bits) {
    const VerilatedScope* found = context.scopeFind(scope);
    VerilatedVar* variable = found ? found->varFind(name) : nullptr;
    const std::string whole = std::string(scope) + "." + name;
    if (!variable) throw std::runtime_error("the circuit has no signal " + whole);
    if (static_cast<int>(variable->entBits()) != bits)
        throw std::runtime_error("signal " + whole + " has " + std::to_string(variable->entBits()) + " bits, not " +
                                 std::to_string(bits));
    return Variable{variable->datap(), bits};
}

}  // namespace
