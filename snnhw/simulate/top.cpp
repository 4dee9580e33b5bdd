// All that is compiled for each circuit beside what verilator wrote. PORTS, which stands before this text, is a
// PORT("name", variable) for each port: as Verilog has it, and as Verilator does.

#include <cstring>

#include "Vcircuit.h"
#include "model.h"

#define PORT(port, variable) \
    if (!std::strcmp(name, port)) return Port{reinterpret_cast<uint8_t*>(&circuit.variable), sizeof circuit.variable};

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
