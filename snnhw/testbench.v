// Test bench of `{top}: sends samples, and compares what comes back with what the golden model says.
// It reads its vectors, `{top}_tb_samples.hex and `{top}_tb_results.hex, from the folder that it runs in. With Icarus:
//   iverilog -g2005 -o `{top}_tb.vvp `{top}.v `{top}_tb.v && vvp `{top}_tb.vvp

/* verilator lint_off PROCASSINIT */  // a bench may start from the values at declarations: it is not synthesised

module `{top}_tb;
  parameter STALLS = `{stalls};  // 1: source and sink pause at random
  parameter [31:0] SEED = `{seed};  // chooses how

  localparam SAMPLES = `{samples};
  localparam BEATS = `{beats};  // transfers of all samples
  localparam SAMPLE_WIDTH = `{sample_width};
  localparam RESULT_WIDTH = `{result_width};
  localparam PATIENCE = `{patience};  // cycles without a transfer after which the circuit counts as stuck
  localparam QUIET = `{quiet};  // cycles after the last result in which no other may come

  reg clk = 1'b0;
  always #5 clk = !clk;

  reg [3:0] resetting = 4'd8;
  wire rst = resetting != 4'd0;
  always @(posedge clk) if (rst) resetting <= resetting - 4'd1;

`{declarations}

`{circuit}

  // The last place of each memory is never used: a count of all places points there.
  reg [SAMPLE_WIDTH-1:0] beats [0:BEATS];
  reg [RESULT_WIDTH-1:0] expected [0:SAMPLES];
  initial begin
    $readmemh("`{top}_tb_samples.hex", beats, 0, BEATS - 1);
    $readmemh("`{top}_tb_results.hex", expected, 0, SAMPLES - 1);
  end

  // A linear feedback shift register that takes three shifts at once; how often a side pauses changes now and then.
  function [31:0] advance(input [31:0] state);
    reg [31:0] first, second;
    begin
      first = state ^ (state << 13);
      second = first ^ (first >> 17);
      advance = second ^ (second << 5);
    end
  endfunction

  reg [31:0] random = (SEED * 32'h9e3779b1) | 32'd1;
  reg [1:0] source_rests = 2'd0, sink_rests = 2'd0;
  wire source_pauses = STALLS != 0 && random[1:0] < source_rests;
  wire sink_pauses = STALLS != 0 && random[9:8] < sink_rests;
  always @(posedge clk) begin
    random <= advance(random);
    if (random[31:26] == 6'd0) {source_rests, sink_rests} <= random[19:16];
  end

  // Source and sink. A payload that is not valid means nothing, and shows random bits.
  reg [`{beat_bits}-1:0] sent = 0;
  always @(posedge clk) begin
    result__ready <= !sink_pauses;
    if (rst) sample__valid <= 1'b0;
    else if (!sample__valid || sample__ready) begin
      if (sent != BEATS && !source_pauses) begin
        sample__valid <= 1'b1;
        sample__payload <= beats[sent];
        sent <= sent + 1'b1;
      end else begin
        sample__valid <= 1'b0;
        sample__payload <= `{junk};
      end
    end
  end

  // What came, held against what was expected, and against the rules of the streams.
  wire moves_in = sample__valid && sample__ready;
  wire moves_out = result__valid && result__ready;
  reg [`{sample_bits}-1:0] received = 0, equal = 0;
  wire [RESULT_WIDTH-1:0] wanted = expected[received];
  reg held = 1'b0, faulty = 1'b0;
  reg [RESULT_WIDTH-1:0] held_payload = 0;
  reg [31:0] idle = 0, quiet = 0;
  integer i;
  always @(posedge clk) if (!rst) begin
    held <= result__valid && !result__ready;
    held_payload <= result__payload;
    idle <= moves_in || moves_out ? 32'd0 : idle + 32'd1;
    quiet <= received == SAMPLES ? quiet + 32'd1 : 32'd0;
    if (held && !(result__valid === 1'b1 && result__payload === held_payload)) begin
      $display("after sample %0d: the result did not hold until it was taken", received);
      faulty <= 1'b1;
    end
    if (error !== 1'b0) begin
      if (!faulty) $display("after sample %0d: the circuit calls its input ill-framed", received);
      faulty <= 1'b1;
    end
    if (moves_out && received == SAMPLES) begin
      $display("there are more results than samples");
      faulty <= 1'b1;
    end
    if (moves_out && received != SAMPLES) begin
      received <= received + 1'b1;
      if (result__payload === wanted) equal <= equal + 1'b1;
`{comparisons}
    end
    if (idle == PATIENCE) $display("nothing was transferred for %0d cycles", idle);
    if (idle == PATIENCE || quiet == QUIET) begin
      if (equal == SAMPLES && !faulty) $display("PASS: %0d of %0d samples", equal, SAMPLES);
      else if (!faulty) $display("FAIL: %0d of %0d samples", equal, SAMPLES);
      else $display("FAIL: %0d of %0d samples, and a fault at the ports", equal, SAMPLES);
      $finish;
    end
  end
endmodule
