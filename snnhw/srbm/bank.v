// A bank of synapses: read and written in every cycle; what is read is there a cycle later, as it was before the write.
module srbm_bank #(
    parameter WIDTH = 24,
    parameter ADDRESS = 10,
    parameter DEPTH = 1024
) (
    input wire clk,
    input wire reads,
    input wire [ADDRESS-1:0] read_address,
    output reg [WIDTH-1:0] kept,
    input wire writes,
    input wire [ADDRESS-1:0] write_address,
    input wire [WIDTH-1:0] coming
);
  reg [WIDTH-1:0] levels[0:DEPTH-1];
  integer place;
  initial begin
    kept = {WIDTH{1'b0}};
    for (place = 0; place < DEPTH; place = place + 1) levels[place] = {WIDTH{1'b0}};
  end
  always @(posedge clk) begin
    if (writes) levels[write_address] <= coming;
    if (reads) kept <= levels[read_address];
  end
endmodule
