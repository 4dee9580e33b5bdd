# Arty A7, schematic rev. E and Digilent's Arty-A7-35-Master.xdc (github.com/Digilent/digilent-xdc). Package CSG324.
# rx is uart_txd_in and tx is uart_rxd_out: as the FPGA sees them. rst is the button RESET (ck_rst), active low.
set_property -dict {PACKAGE_PIN E3 IOSTANDARD LVCMOS33} [get_ports clk]
set_property -dict {PACKAGE_PIN A9 IOSTANDARD LVCMOS33} [get_ports rx]
set_property -dict {PACKAGE_PIN D10 IOSTANDARD LVCMOS33} [get_ports tx]
set_property -dict {PACKAGE_PIN C2 IOSTANDARD LVCMOS33} [get_ports rst]
set_property -dict {PACKAGE_PIN H5 IOSTANDARD LVCMOS33} [get_ports led]
create_clock -name clk -period 10.000 [get_ports clk]
set_false_path -from [get_ports {rx rst}]
set_false_path -to [get_ports {tx led}]
set_property CFGBVS VCCO [current_design]
set_property CONFIG_VOLTAGE 3.3 [current_design]
