// What drivers need of Verilator, the same for all circuits: compiled once, with Verilator's runtime.

#include "model.h"

#include <stdexcept>

#include "files.h"
#include "verilated.h"
#include "verilated_syms.h"
#if VM_TRACE_FST
#include "verilated_fst_c.h"
class Waveform : public VerilatedFstC {};
#elif VM_TRACE
#include "verilated_vcd_c.h"
class Waveform : public VerilatedVcdC {};
#else
class Waveform {};
#endif

// Verilator's own version ends the process, which would be the user's Python.
void vl_fatal(const char*, int, const char*, const char* message) { throw std::runtime_error(message); }

// Verilator's own version prints, and goes on: with zeros where a file that $readmemh reads is missing or short.
void vl_warn(const char* file, int, const char*, const char* message) {
    throw std::runtime_error(std::string(file) + ": " + message);
}

static thread_local std::string folder_of_files;  // of the circuit that starts in this thread

std::string circuit_file(const std::string& name) { return folder_of_files + name; }

Model::Model(const char* folder) : context_{new VerilatedContext} {
    folder_of_files = folder;
    context_->traceEverOn(VM_TRACE);
    top_ = top_new(context_.get());
    try {
        flag("clk") = 0;
        flag("rst") = 1;
        eval();
    } catch (...) {
        top_delete(top_);
        throw;
    }
}

Model::~Model() {
    waveform_.reset();
    top_delete(top_);
}

void Model::enter_thread() { Verilated::threadContextp(context_.get()); }

Port Model::port(const std::string& name) const {
    const Port port = top_port(top_, name.c_str());
    if (!port.data) throw std::runtime_error("the circuit has no port " + name);
    return port;
}

uint8_t& Model::flag(const std::string& name) const {
    const Port found = port(name);
    if (found.bytes != 1) throw std::runtime_error("port " + name + " has more than 8 bits");
    return *found.data;
}

const void* Model::variable(const char* scope, const char* name, int bits) const {
    const VerilatedScope* found = context_->scopeFind(scope);
    VerilatedVar* variable = found ? found->varFind(name) : nullptr;
    const std::string whole = std::string(scope) + "." + name;
    if (!variable) throw std::runtime_error("the circuit has no signal " + whole);
    if (static_cast<int>(variable->entBits()) != bits)
        throw std::runtime_error("signal " + whole + " has " + std::to_string(variable->entBits()) + " bits, not " +
                                 std::to_string(bits));
    return variable->datap();
}

#if VM_TRACE

// Where the file cannot be written, its writer is left as it is: it would try again, and end the process.
template <typename Action>
void Model::writing(Action action) {
    try {
        action();
    } catch (const std::exception& error) {
        (void)waveform_.release();
        throw std::runtime_error(std::string("cannot write the waveform (") + error.what() +
                                 "); choose a place with room");
    }
}

void Model::open_waveform(const char* path) {
    waveform_.reset(new Waveform);
    context_->trace(waveform_.get(), 99);
    waveform_->open(path);
    if (!waveform_->isOpen()) throw std::runtime_error(std::string("cannot write ") + path);
}

void Model::dump(uint64_t time) {
    writing([&] { waveform_->dump(time); });
    dumped_ = true;
}

void Model::close_waveform(uint64_t time) {
    if (!waveform_) return;
    writing([&] {
        if (!dumped_) waveform_->dump(time);
        waveform_->close();
        waveform_.reset();
    });
}

#else

void Model::open_waveform(const char* path) {
    throw std::runtime_error(std::string("built without waveforms, cannot write ") + path);
}

void Model::dump(uint64_t) {}
void Model::close_waveform(uint64_t) {}

#endif
