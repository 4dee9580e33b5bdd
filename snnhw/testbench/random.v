// A linear feedback shift register that takes three shifts at once.
function [31:0] advance(input [31:0] state);
  reg [31:0] first, second;
  begin
    first = state ^ (state << 13);
    second = first ^ (first >> 17);
    advance = second ^ (second << 5);
  end
endfunction

reg [31:0] random;
initial random = (SEED * 32'h9e3779b1) | 32'd1;
always @(posedge `{clock}) random <= advance(random);
