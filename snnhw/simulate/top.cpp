// All that is compiled for each circuit beside what verilator wrote. PORTS, which stands before this text, is a PORT(name)
// for each port.

#include <cstring>

#include "Vcircuit.h"
#include "model.h"

#define PORT(port) \
    if (!std::strcmp(name, #port)) return Port{reinterpret_cast<uint8_t*>(&circuit.port), sizeof circuit.port};

void* top_new(VerilatedContext* context) { return new Vcircuit{context}; }

void top_eval(void* top) { static_cast<Vcircuit*>(top)->eval(); }

void top_delete(void* top) {
    static_cast<Vcircuit*>(top)->final();
    delete static_cast<Vcircuit*>(top);
}

Port top_port(void* top, const char* name) {
    Vcircuit& circuit = *static_cast<Vcircuit*>(top);
    PORTS
    return Port{};
}
