// A block RAM, for simulating netlists: yosys knows those of Xilinx 7 and ECP5 without their behaviour. Of what these can
// do it has what yosys makes use of: no output registers, and a single clock.

// Two ports on BYTES bytes of 8 bits and a parity bit, which ports of 9 bits and more use as a ninth. A port's address
// counts bits; a port narrower than a byte takes part of one. What a port reads in a cycle in which it writes: nothing
// (mode 0), what was there (1), what it writes (2).
module snnhw_block_ram #(
    parameter BYTES = 2048,
    parameter READ_A = 9, WRITE_A = 9, MODE_A = 1, READ_B = 9, WRITE_B = 9, MODE_B = 1,
    parameter [71:0] INIT_A = 0, INIT_B = 0, RESET_A = 0, RESET_B = 0
) (
    input clk_a, clk_b, en_a, en_b, rst_a, rst_b,
    input [15:0] addr_a, addr_b,
    input [7:0] we_a, we_b,
    input [71:0] in_a, in_b,
    output [71:0] out_a, out_b
);
    localparam LINES = BYTES / 8;
    reg [71:0] lines [0:LINES-1];

    // A line has 8 bytes, so that a write of any width is one assignment.
    snnhw_block_ram_port #(.READ(READ_A), .WRITE(WRITE_A), .MODE(MODE_A), .INIT(INIT_A), .RESET(RESET_A)) port_a (
        .clk(clk_a), .en(en_a), .rst(rst_a), .addr(addr_a[5:0]), .we(we_a), .in(in_a), .line(lines[addr_a[15:6]]),
        .mask(mask_a), .written(written_a), .out(out_a)
    );
    snnhw_block_ram_port #(.READ(READ_B), .WRITE(WRITE_B), .MODE(MODE_B), .INIT(INIT_B), .RESET(RESET_B)) port_b (
        .clk(clk_b), .en(en_b), .rst(rst_b), .addr(addr_b[5:0]), .we(we_b), .in(in_b), .line(lines[addr_b[15:6]]),
        .mask(mask_b), .written(written_b), .out(out_b)
    );
    wire [71:0] mask_a, mask_b, written_a, written_b;
    generate
        if (WRITE_A > 0) always @(posedge clk_a)
            if (en_a && mask_a != 0) lines[addr_a[15:6]] <= written_a;
        if (WRITE_B > 0) always @(posedge clk_b)
            if (en_b && mask_b != 0) lines[addr_b[15:6]] <= written_b;
    endgenerate
endmodule

// What one port makes of the line that it addresses: ``mask`` says which bits it writes, ``written`` is the new line.
module snnhw_block_ram_port #(
    parameter READ = 9, WRITE = 9, MODE = 1,
    parameter [71:0] INIT = 0, RESET = 0
) (
    input clk, en, rst,
    input [5:0] addr,
    input [7:0] we,
    input [71:0] in, line,
    output reg [71:0] mask,
    output [71:0] written,
    output reg [71:0] out
);
    function integer place(input integer width, input [5:0] at);
        place = width >= 8 ? 9 * (at / (width / 9 * 8) * (width / 9)) : 9 * (at / 8) + at % 8 / width * width;
    endfunction

    integer i;
    always @* begin
        mask = 0;
        if (WRITE >= 8) begin
            for (i = 0; i < WRITE / 9; i = i + 1) if (we[i]) mask[9*i +: 9] = 9'h1ff;
        end else if (WRITE > 0 && we[0]) mask = (1 << WRITE) - 1;
        if (WRITE > 0) mask = mask << place(WRITE, addr);
    end
    assign written = WRITE > 0 ? line & ~mask | (in << place(WRITE, addr)) & mask : line;

    initial out = INIT;
    generate
        if (READ > 0) always @(posedge clk) if (en) begin
            if (rst) out <= RESET;
            else if (mask == 0 || MODE != 0)
                out <= ((MODE == 2 ? written : line) >> place(READ, addr)) & ((73'b1 << READ) - 73'b1);
        end
    endgenerate
endmodule
