// A verilated circuit as its driver sees it. Nothing here depends on the circuit, nor needs Verilator's headers: a driver
// is compiled once for all circuits.

#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

class VerilatedContext;
class Waveform;

// A port's storage: 1, 2, 4 or 8 bytes, or 32-bit words, lowest first.
struct Port {
    uint8_t* data;  // nullptr: there is no such port
    int bytes;

    int words() const { return (bytes + 3) / 4; }

    void set(const uint32_t* words) { std::memcpy(data, words, bytes); }

    void get(uint32_t* words) const {
        words[0] = 0;
        std::memcpy(words, data, bytes);
    }
};

// What top.cpp has, compiled for each circuit: the class that Verilator wrote.
void* top_new(VerilatedContext* context);
void top_eval(void* top);
void top_delete(void* top);
Port top_port(void* top, const char* name);

// What model.cpp has, compiled with Verilator's runtime. What goes wrong is a std::runtime_error.
class Model {
public:
    // $readmemh reads files below `folder`, which ends with a slash.
    explicit Model(const char* folder);
    ~Model();

    // Scopes leave the context of the thread that deletes them.
    void enter_thread();

    void eval() { top_eval(top_); }

    // The port of that name.
    Port port(const std::string& name) const;
    // A port of one bit, by name.
    uint8_t& flag(const std::string& name) const;
    bool has(const std::string& name) const { return top_port(top_, name.c_str()).data; }

    // Where the variable of a scope is stored, as a port is; it must be there in the given width.
    const void* variable(const char* scope, const char* name, int bits) const;

    void open_waveform(const char* path);
    bool has_waveform() const { return waveform_ != nullptr; }
    void dump(uint64_t time);
    // A waveform without any time cannot be read: it has this one.
    void close_waveform(uint64_t time);

private:
    template <typename Action>
    void writing(Action action);

    std::unique_ptr<VerilatedContext> context_;
    void* top_;
    std::unique_ptr<Waveform> waveform_;
    bool dumped_ = false;
};
