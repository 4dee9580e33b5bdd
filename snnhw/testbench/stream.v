// Test bench of `{top}: sends samples, and between them what must be lost, and compares what comes back with what the
// golden model says. It reads its vectors from the folder that it runs in:
//   `{vectors}
// With Icarus:
//   iverilog -g2005 -o `{top}_tb.vvp `{top}.v `{top}_tb.v && vvp `{top}_tb.vvp

module `{top}_tb;
  parameter STALLS = `{stalls};  // 1: source and sink pause at random
  parameter [31:0] SEED = `{seed};  // chooses how

  localparam RESULTS = `{results};  // of all good samples
  localparam RESULT_WIDTH = `{result_width};
  localparam PATIENCE = `{patience};  // cycles without a transfer after which the circuit counts as stuck
  localparam QUIET = `{quiet};  // cycles after the last result in which no other may come

  reg clk, rst;
  initial {clk, rst} = 2'b01;
  always #5 clk = !clk;

`{declarations}

`{circuit}

`{pauses}

  // Above the payload of a transfer stands what "error" must be after it.
  reg sample_error;
`{samples}
`{weights}
`{verdict}

  reg [RESULT_WIDTH-1:0] expected [0:RESULTS];
  initial $readmemh("`{top}_tb_results.hex", expected, 0, RESULTS - 1);

  reg closed;  // 1: the sink takes nothing
  initial {closed, result__ready} = 2'b00;
  always @(posedge clk) result__ready <= !sink_pauses && !closed;

  // What came, held against what was expected, and against the rules of the streams.
  wire result_move = result__valid && result__ready;
  wire [RESULT_WIDTH-1:0] came = result__payload, wanted = expected[received[`{result_bits}-1:0]];
  reg held, wanted_error, differs;
  reg [RESULT_WIDTH-1:0] held_payload;
  integer i;
  initial {held, wanted_error, differs, held_payload} = 0;
  always @(posedge clk) if (rst) begin
    held <= 1'b0;
    wanted_error <= 1'b0;
  end else begin
    held <= result__valid && !result__ready;
    held_payload <= result__payload;
    if (held && !(result__valid === 1'b1 && result__payload === held_payload)) begin
      $display("after sample %0d: the result did not hold until it was taken", received);
      faulty <= 1'b1;
    end
    if (samples_move) wanted_error <= sample_error;
    differs <= error !== wanted_error;
    if (error !== wanted_error) begin
      if (!differs) $display("after sample %0d: error is %b, not %b", received, error, wanted_error);
      faulty <= 1'b1;
    end
    if (result_move && received == due) begin
      $display("there are more results than samples");
      faulty <= 1'b1;
    end
    if (result_move && received != due) begin
      received <= received + 1;
      if (came === wanted) equal <= equal + 1;
`{comparisons}
    end
  end

  task reset;
    begin
      rst = 1'b1;
      cycles(1);
      rst = 1'b0;
    end
  endtask

  // Send so many transfers, and so many cycles after the last one reset the circuit. No result is taken meanwhile.
  task lose(input integer count, input integer pause);
    begin
      settle;
      closed = 1'b1;
      cycles(2);
      send(count, 0);
      taken;
      cycles(pause);
      reset;
      closed = 1'b0;
      cycles(4);
    end
  endtask

  // Not initial, though it comes to its end once: Verilator 5.006 takes for constant what one initial block sets and
  // another one reads.
  always begin
`{program}
    settle;
    conclude;
  end
endmodule
`{cells}
