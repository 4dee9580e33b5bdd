// Blocks of LZ4 for Verilator's writer of FST: what it calls of lz4's interface, so that no library must be installed.

#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

namespace snnhw_lz4 {

constexpr int kLeastMatch = 4;
constexpr int kLastLiterals = 5;   // a block ends with at least so many bytes that are no match
constexpr int kLastMatch = 12;     // and no match begins within so many bytes of its end
constexpr int kFarthest = 65535;
constexpr int kHashBits = 14;

inline uint32_t four(const uint8_t* place) {
    uint32_t value;
    std::memcpy(&value, place, 4);
    return value;
}

// What a length has beyond the 15 that a token holds.
inline uint8_t* put_length(uint8_t* out, int length) {
    if (length < 15) return out;
    for (length -= 15; length >= 255; length -= 255) *out++ = 255;
    *out++ = static_cast<uint8_t>(length);
    return out;
}

// Literals, and a match of `matched` bytes `distance` back; none where `matched` is 0.
inline uint8_t* put_sequence(uint8_t* out, const uint8_t* literals, int count, int distance, int matched) {
    const int more = matched ? matched - kLeastMatch : 0;
    *out++ = static_cast<uint8_t>(std::min(count, 15) << 4 | std::min(more, 15));
    out = put_length(out, count);
    out = std::copy(literals, literals + count, out);
    if (!matched) return out;
    *out++ = static_cast<uint8_t>(distance);
    *out++ = static_cast<uint8_t>(distance >> 8);
    return put_length(out, more);
}

}  // namespace snnhw_lz4

inline int LZ4_compressBound(int size) { return size + size / 255 + 16; }

// Compresses `size` bytes into `target`, which has room for LZ4_compressBound(size); returns how many they became.
inline int LZ4_compress_default(const char* source, char* target, int size, int /*room*/) {
    using namespace snnhw_lz4;
    const uint8_t* const in = reinterpret_cast<const uint8_t*>(source);
    uint8_t* out = reinterpret_cast<uint8_t*>(target);
    std::vector<int> seen(1 << kHashBits, -1);
    int begun = 0;  // the first byte that is not written yet
    for (int at = 0; at + kLastMatch <= size;) {
        int& place = seen[four(in + at) * 2654435761u >> (32 - kHashBits)];
        const int before = place;
        place = at;
        if (before < 0 || at - before > kFarthest || four(in + before) != four(in + at)) {
            ++at;
            continue;
        }
        int matched = kLeastMatch;
        while (at + matched < size - kLastLiterals && in[before + matched] == in[at + matched]) ++matched;
        out = put_sequence(out, in + begun, at - begun, at - before, matched);
        at += matched;
        begun = at;
    }
    out = put_sequence(out, in + begun, size - begun, 0, 0);
    return static_cast<int>(out - reinterpret_cast<uint8_t*>(target));
}
