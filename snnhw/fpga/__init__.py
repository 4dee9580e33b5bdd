"""From Verilog to boards: synthesis, place and route, packing, boards as data, reports. Needs the extra ``fpga``."""
