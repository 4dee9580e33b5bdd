// A bank of synapses: read and written in every cycle. What is read is there two cycles later, as it was before the
// write. It is cut into chunks that fill a block RAM's depth, each with a register of its own behind it, so that the
// choice among them does not come on top of the time that a block RAM takes.
module srbm_bank #(
    parameter WIDTH = 24,
    parameter ADDRESS = 12,
    parameter DEPTH = 4096,
    parameter CHUNK = 11
) (
    input wire clk,
    input wire reads,
    input wire [ADDRESS-1:0] read_address,
    output wire [WIDTH-1:0] kept,
    input wire writes,
    input wire [ADDRESS-1:0] write_address,
    input wire [WIDTH-1:0] coming
);
  localparam CHUNKS = (DEPTH + (1 << CHUNK) - 1) >> CHUNK;
  reg [ADDRESS-1:0] fetched = {ADDRESS{1'b0}};
  reg [ADDRESS-1:0] held = {ADDRESS{1'b0}};
  wire [CHUNKS*WIDTH-1:0] levels_behind;
  assign kept = choose(levels_behind, held >> CHUNK);
  function [WIDTH-1:0] choose(input [CHUNKS*WIDTH-1:0] levels, input [ADDRESS-1:0] number);
    integer place;
    begin
      choose = {WIDTH{1'b0}};
      for (place = 0; place < CHUNKS; place = place + 1)
        if (number == place) choose = levels[place*WIDTH+:WIDTH];
    end
  endfunction
  always @(posedge clk) begin
    if (reads) fetched <= read_address;
    held <= fetched;
  end
  genvar chunk;
  generate
    for (chunk = 0; chunk < CHUNKS; chunk = chunk + 1) begin : chunks
      localparam FIRST = chunk << CHUNK;
      localparam SIZE = DEPTH - FIRST < 1 << CHUNK ? DEPTH - FIRST : 1 << CHUNK;
      localparam BITS = SIZE > 1 ? $clog2(SIZE) : 1;
      reg [WIDTH-1:0] levels[0:SIZE-1];
      reg [WIDTH-1:0] level = {WIDTH{1'b0}};
      reg [WIDTH-1:0] behind = {WIDTH{1'b0}};
      integer place;
      initial for (place = 0; place < SIZE; place = place + 1) levels[place] = {WIDTH{1'b0}};
      always @(posedge clk) begin
        if (writes && write_address >> CHUNK == chunk) levels[write_address[BITS-1:0]] <= coming;
        if (reads) level <= levels[read_address[BITS-1:0]];
        behind <= level;
      end
      assign levels_behind[chunk*WIDTH+:WIDTH] = behind;
    end
  endgenerate
endmodule
