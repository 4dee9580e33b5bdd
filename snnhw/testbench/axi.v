// Test bench of `{top}: sends samples as packets, and between them what must be dropped, uses the registers, and compares
// what comes back with what the golden model says. It reads its vectors from the folder that it runs in:
//   `{vectors}
// With Icarus:
//   iverilog -g2005 -o `{top}_tb.vvp `{top}.v `{top}_tb.v && vvp `{top}_tb.vvp

module `{top}_tb;
  parameter STALLS = `{stalls};  // 1: every side of every channel pauses at random
  parameter [31:0] SEED = `{seed};  // chooses how

  localparam RESULTS = `{results};  // of all good samples
  localparam RESULT_BYTES = `{result_bytes};
  localparam WORD_BYTES = `{word_bytes};  // of the streams
  localparam RESULT_WORDS = (RESULT_BYTES + WORD_BYTES - 1) / WORD_BYTES;
  localparam REST = RESULT_BYTES - (RESULT_WORDS - 1) * WORD_BYTES;  // bytes of a result's last word
  localparam PATIENCE = `{patience};  // cycles without a transfer after which the circuit counts as stuck
  localparam QUIET = `{quiet};  // cycles after the last result in which no other may come


  // Where registers lie, and their bits.
`{registers}

  localparam [31:0] ALL = 32'hffffffff;
  localparam [1:0] OKAY = 2'd0, SLVERR = 2'd2;

  reg aclk, aresetn;
  initial {aclk, aresetn} = 2'b00;
  always #5 aclk = !aclk;

`{declarations}

`{circuit}

`{pauses}

`{samples}
`{weights}
`{verdict}

  // Results: words are put together, and packets held against what was expected.
  reg [8*RESULT_BYTES-1:0] expected [0:RESULTS];
  initial $readmemh("`{top}_tb_results.hex", expected, 0, RESULTS - 1);

  reg closed;  // 1: the sink takes nothing
  initial {closed, m_axis_tready} = 2'b00;
  always @(posedge aclk) m_axis_tready <= !sink_pauses && !closed;

  wire result_move = m_axis_tvalid && m_axis_tready;
  integer word, i;
  wire last_word = word == RESULT_WORDS - 1;
  wire [WORD_BYTES-1:0] wanted_keep = {WORD_BYTES{1'b1}} >> (last_word ? WORD_BYTES - REST : 0);
  reg [8*WORD_BYTES*RESULT_WORDS-1:0] packet;
  /* verilator lint_off UNUSEDSIGNAL */  // what a word pushes out, and what fills up the last one
  wire [8*WORD_BYTES*(RESULT_WORDS+1)-1:0] longer = {m_axis_tdata, packet};
  /* verilator lint_on UNUSEDSIGNAL */
  wire [8*RESULT_BYTES-1:0] came = longer[8*WORD_BYTES +: 8*RESULT_BYTES];
  wire [8*RESULT_BYTES-1:0] wanted = expected[received[`{result_bits}-1:0]];
  initial {word, packet} = 0;
  always @(posedge aclk)
    if (!aresetn) word <= 0;
    else if (result_move) begin
      packet <= longer[8*WORD_BYTES*(RESULT_WORDS+1)-1:8*WORD_BYTES];
      word <= m_axis_tlast ? 0 : word + 1;
      if (m_axis_tlast !== last_word || m_axis_tkeep !== wanted_keep) begin
        $display("sample %0d, word %0d: TLAST is %b, not %b; TKEEP is %b, not %b", received, word,
                 m_axis_tlast, last_word, m_axis_tkeep, wanted_keep);
        faulty <= 1'b1;
      end
      if (received == due) begin
        $display("there are more results than samples");
        faulty <= 1'b1;
      end else if (m_axis_tlast) begin
        received <= received + 1;
        if (came === wanted) equal <= equal + 1;
`{comparisons}
      end
    end

  // What is valid stays, unchanged, until it is taken.
  wire [9*WORD_BYTES:0] result_word = {m_axis_tdata, m_axis_tkeep, m_axis_tlast};
  wire [33:0] answer = {s_axi_rdata, s_axi_rresp};
  reg [9*WORD_BYTES:0] held_word;
  reg [33:0] held_answer;
  reg [1:0] held_response;
  reg [2:0] waits;
  initial {held_word, held_answer, held_response, waits} = 0;
  always @(posedge aclk) begin
    {held_word, held_answer, held_response} <= {result_word, answer, s_axi_bresp};
    waits <= {m_axis_tvalid && !m_axis_tready, s_axi_rvalid && !s_axi_rready, s_axi_bvalid && !s_axi_bready};
    if (!aresetn) waits <= 3'b000;
    else if (waits[2] && {m_axis_tvalid, result_word} !== {1'b1, held_word} ||
             waits[1] && {s_axi_rvalid, answer} !== {1'b1, held_answer} ||
             waits[0] && {s_axi_bvalid, s_axi_bresp} !== {1'b1, held_response}) begin
      $display("after sample %0d: what was offered did not hold until it was taken", received);
      faulty <= 1'b1;
    end
  end

  // What was transferred over AXI4-Lite at the last rising edge.
  reg addressed, filled, asked, answered;
  reg [1:0] response;
  reg [31:0] value;
  initial {addressed, filled, asked, answered, response, value} = 0;
  always @(posedge aclk) begin
    addressed <= s_axi_awvalid && s_axi_awready;
    filled <= s_axi_wvalid && s_axi_wready;
    asked <= s_axi_arvalid && s_axi_arready;
    answered <= s_axi_bvalid && s_axi_bready || s_axi_rvalid && s_axi_rready;
    if (s_axi_bvalid && s_axi_bready) response <= s_axi_bresp;
    if (s_axi_rvalid && s_axi_rready) {response, value} <= {s_axi_rresp, s_axi_rdata};
  end

  // Registers are written and read one after the other; an address comes before, with or after its data.
  initial {s_axi_awvalid, s_axi_wvalid, s_axi_bready, s_axi_arvalid, s_axi_rready} = 5'd0;
  initial {s_axi_awaddr, s_axi_awprot, s_axi_wdata, s_axi_wstrb, s_axi_araddr, s_axi_arprot} = 0;
  task write(input [`{address_bits}-1:0] address, input [31:0] data, input [3:0] strobes, input [1:0] wanted_response);
    reg address_due, data_due;
    begin
      {s_axi_awaddr, s_axi_wdata, s_axi_wstrb} = {address, data, strobes};
      {address_due, data_due} = 2'b11;
      cycles(1);
      while (!answered) begin
        if (addressed) {s_axi_awvalid, address_due} = 2'b00;
        if (filled) {s_axi_wvalid, data_due} = 2'b00;
        if (address_due && !(STALLS != 0 && random[10])) s_axi_awvalid = 1'b1;
        if (data_due && !(STALLS != 0 && random[11])) s_axi_wvalid = 1'b1;
        s_axi_bready = !(STALLS != 0 && random[12]);
        cycles(1);
      end
      s_axi_bready = 1'b0;
      if (response !== wanted_response) begin
        $display("a write to %h was answered by %b, not %b", address, response, wanted_response);
        mistaken = 1'b1;
      end
    end
  endtask

  task read(input [`{address_bits}-1:0] address, input [1:0] wanted_response);
    reg address_due;
    begin
      {s_axi_araddr, address_due} = {address, 1'b1};
      cycles(1);
      while (!answered) begin
        if (asked) {s_axi_arvalid, address_due} = 2'b00;
        if (address_due && !(STALLS != 0 && random[10])) s_axi_arvalid = 1'b1;
        s_axi_rready = !(STALLS != 0 && random[11]);
        cycles(1);
      end
      s_axi_rready = 1'b0;
      if (response !== wanted_response) begin
        $display("a read of %h was answered by %b, not %b", address, response, wanted_response);
        mistaken = 1'b1;
      end
    end
  endtask

  // Read the bits of a register that "mask" has, and hold them against what they should be.
  task check(input [8*16-1:0] name, input [`{address_bits}-1:0] address, input [31:0] mask, input [31:0] wanted_value);
    begin
      read(address, OKAY);
      if ((value & mask) !== wanted_value) begin
        $display("after sample %0d: %0s is %h, not %h", received, name, value & mask, wanted_value);
        mistaken = 1'b1;
      end
    end
  endtask

  // Wait until nothing is on its way, and see that the registers say so.
  task check_state(input [31:0] flags, input [31:0] in, input [31:0] out, input [31:0] lost);
    begin
      settle;
      check("status", AT_STATUS, ALL, flags);
      check("samples", AT_SAMPLES, ALL, in);
      check("results", AT_RESULTS, ALL, out);
      check("dropped", AT_DROPPED, ALL, lost);
    end
  endtask

  task reset;
    begin
      aresetn = 1'b0;
      cycles(1);
      aresetn = 1'b1;
    end
  endtask

  // Send so many words while no result is taken, and then reset the circuit.
  task hold(input integer count);
    begin
      closed = 1'b1;
      cycles(2);
      send(count, 0);
      taken;
    end
  endtask

  task drop;
    begin
      reset;
      closed = 1'b0;
      cycles(4);
    end
  endtask

  // Not initial, though it comes to its end once: Verilator 5.006 takes for constant what one initial block sets and
  // another one reads.
  always begin
`{program}
    conclude;
  end
endmodule
`{cells}
