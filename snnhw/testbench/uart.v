// Test bench of `{top}: sends requests over the serial line, and between them frames that are none, and compares the answers
// with what the golden model says. It reads its vectors from the folder that it runs in:
//   `{vectors}
// With Icarus:
//   iverilog -g2005 -o `{top}_tb.vvp `{top}.v `{top}_tb.v && vvp `{top}_tb.vvp

module `{top}_tb;
  parameter STALLS = `{stalls};  // 1: the line rests between bytes at random
  parameter [31:0] SEED = `{seed};  // chooses how

  localparam RESULTS = `{results};  // of all good requests to classify
  localparam REQUESTS = `{requests};  // bytes
  localparam ANSWERS = `{answers};  // to requests of every kind
  localparam MOST = `{most};  // bytes of an answer, without flags and check
  localparam [47:0] BIT = `{bit}, STEP = `{step};  // the time of a bit, and that of a cycle in the same unit
  localparam PATIENCE = `{patience};  // cycles without a byte after which the circuit counts as stuck
  localparam QUIET = `{quiet};  // cycles after the last answer in which no other may come
  localparam [7:0] FLAG = 8'h`{flag}, ESCAPE = 8'h`{escape}, FLIP = 8'h`{flip};
  localparam [3:0] CLASSIFY = 4'd`{classify};

  reg clk, rst;
  initial {clk, rst} = 2'b01;
  always #5 clk = !clk;

`{declarations}

`{circuit}

`{random}

  // Requests go out byte by byte, as many as are allowed. In "left" are the bits to come, the stop bit among them.
  reg [7:0] requests [0:REQUESTS];  // the last place is never used: a count of all of them points there
  integer requests_allowed, requests_taken, left, rest;
  reg [8:0] line;
  reg [47:0] sent_time;
  initial begin
    $readmemh("`{top}_tb_requests.hex", requests, 0, REQUESTS - 1);
    {requests_allowed, requests_taken, left, rest, line, sent_time} = 0;
    rx = 1'b1;
  end
  always @(posedge clk)
    if (rst) begin
      rx <= 1'b1;
      left <= 0;
    end else if (left == 0) begin
      if (rest != 0) rest <= rest - 1;
      else if (requests_taken != requests_allowed) begin
        {line, rx} <= {1'b1, requests[requests_taken[`{request_bits}-1:0]], 1'b0};
        left <= 10;
        sent_time <= 48'd0;
      end
    end else if (sent_time + STEP < BIT) sent_time <= sent_time + STEP;
    else begin
      sent_time <= sent_time + STEP - BIT;
      {line, rx} <= {1'b1, line};
      left <= left - 1;
      if (left == 1) begin
        requests_taken <= requests_taken + 1;
        rest <= STALLS != 0 && random[2:0] == 3'd0 ? {24'd0, random[10:3]} : 0;
      end
    end

  // Bytes are taken in the middle of their bits.
  reg receiving, arrived;
  reg [7:0] octet;
  reg [3:0] bits;
  reg [47:0] wait_time;
  initial {receiving, arrived, octet, bits, wait_time} = 0;
  always @(posedge clk) begin
    arrived <= 1'b0;
    if (rst) receiving <= 1'b0;
    else if (!receiving) begin
      receiving <= !tx;
      bits <= 4'd0;
      wait_time <= BIT + BIT / 2;
    end else if (wait_time > STEP) wait_time <= wait_time - STEP;
    else begin
      wait_time <= wait_time + BIT - STEP;
      bits <= bits + 4'd1;
      if (bits != 4'd8) octet <= {tx, octet[7:1]};
      else begin
        receiving <= 1'b0;
        arrived <= tx;
        if (!tx) begin
          $display("after answer %0d: a byte has no stop bit", received);
          faulty <= 1'b1;
        end
      end
    end
  end

`{verdict}

  // CRC-32, lowest bit first, and what is left of it after a message and its check.
  localparam [31:0] RESIDUE = 32'hdebb20e3;
  function [31:0] check(input [31:0] register, input [7:0] value);
    integer bit_number;
    begin
      check = register;
      for (bit_number = 0; bit_number < 8; bit_number = bit_number + 1)
        check = check >> 1 ^ (check[0] ^ value[bit_number] ? 32'hedb88320 : 32'd0);
    end
  endfunction

  // Answers: above the bytes, the first of them lowest, stands how many there are.
  reg [8*MOST+15:0] answers [0:ANSWERS];
  initial $readmemh("`{top}_tb_answers.hex", answers, 0, ANSWERS - 1);
  wire [15:0] wanted_length;
  wire [8*MOST-1:0] wanted;
  assign {wanted_length, wanted} = answers[received[`{answer_bits}-1:0]];

  // What stands between two flags; the cycles in a result are none of golden's, and are compared with nothing.
  reg [8*MOST-1:0] body;
  reg [31:0] register;
  reg escaped;
  reg [15:0] count;
  wire [7:0] value = octet ^ (escaped ? FLIP : 8'd0);
  wire [15:0] length = count - 16'd4;
  wire classifies = body[7:4] == CLASSIFY;
  localparam [8*MOST-1:0] CYCLES = `{cycles};
  wire [8*MOST-1:0] came = body & ~({8 * MOST{1'b1}} << 8 * length) & ~(classifies ? CYCLES : {8 * MOST{1'b0}});
  integer sample, i;
  initial {body, register, escaped, count, sample} = 0;
  always @(posedge clk)
    if (rst) {count, escaped} <= 17'd0;
    else if (arrived && octet == FLAG) begin
      {count, escaped} <= 17'd0;
      if (count != 16'd0) answer;
    end else if (arrived && octet == ESCAPE) escaped <= 1'b1;
    else if (arrived) begin
      escaped <= 1'b0;
      count <= count + 16'd1;
      if (count == 16'd0) body <= {{8 * MOST - 8{1'b0}}, value};
      else body <= body | {{8 * MOST - 8{1'b0}}, value} << 8 * count;
      register <= check(count == 16'd0 ? 32'hffffffff : register, value);
      if (count == 16'd0 && value[7:4] == CLASSIFY && busy !== 1'b1) begin
        $display("after answer %0d: busy is %b at the beginning of a result", received, busy);
        faulty <= 1'b1;
      end
    end

  task answer;
    begin
      if (received == due) begin
        $display("there are more answers than requests");
        faulty <= 1'b1;
      end else received <= received + 1;
      if (received != due && wanted[7:4] == CLASSIFY) sample <= sample + 1;
      if (received != due && register !== RESIDUE) begin
        $display("answer %0d has a wrong check", received);
        faulty <= 1'b1;
      end else if (received != due && (length !== wanted_length || came[7:0] !== wanted[7:0])) begin
        $display("answer %0d has %0d bytes and begins with %h, not %0d bytes and %h", received, length, came[7:0],
                 wanted_length, wanted[7:0]);
        faulty <= 1'b1;
      end else if (received != due && classifies) begin
        if (came === wanted) equal <= equal + 1;
`{comparisons}
      end else if (received != due && came !== wanted) begin
        $display("answer %0d is %h, not %h, the first byte rightmost", received, came, wanted);
        faulty <= 1'b1;
      end
    end
  endtask

  task reset;
    begin
      rst = 1'b1;
      cycles(1);
      rst = 1'b0;
    end
  endtask

  // Wait until nothing is on the line, and see what the circuit says of the last frame.
  task check_error(input wanted_error);
    begin
      settle;
      if (error !== wanted_error || busy !== 1'b0) begin
        $display("after answer %0d: error is %b, not %b; busy is %b, not 0", received, error, wanted_error, busy);
        mistaken = 1'b1;
      end
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
