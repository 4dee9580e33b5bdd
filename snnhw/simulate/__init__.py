"""Cycle simulators behind one interface: Verilator on the emitted Verilog, and Amaranth's own."""
