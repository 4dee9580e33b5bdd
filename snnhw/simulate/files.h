// Where a circuit's $readmemh finds its files: the folder is told when the circuit starts, not when it is compiled.
//
// It is read before all that verilator wrote.

#pragma once

#include <string>

#include "verilated.h"

std::string circuit_file(const std::string& name);

#define VL_READMEM_N(hex, bits, depth, low, name, ...) \
    VL_READMEM_N(hex, bits, depth, low, circuit_file(name), __VA_ARGS__)
