// A network small enough to be read: 5 pixels, 3 neurons with a shift leak, 2 steps, spike counts as scores.
// Written by hand, with the ports and taps that generated circuits have; two neurons are updated a cycle.

module toy_encoder (
    input clk,
    input rst,
    input valid,
    output ready,
    input [16:0] payload,
    output event_valid,
    input event_ready,
    output [1:0] event_kind,
    output [2:0] event_address,
    output [7:0] event_value,
    output reg error
);
    reg [47:0] pixels = 0;
    reg [1:0] beat = 0;
    reg skipping = 0;  // what comes after a sample that did not end in time, up to its end
    reg sending = 0;
    reg [2:0] place = 0;  // 0 to 4: pixels, 5: the end of the sample
    wire [7:0] pixel = pixels[{3'b0, place} * 8 +: 8];
    wire is_event = place < 5;
    wire skipped = is_event && pixel == 0;

    assign ready = !sending;
    assign event_valid = sending && !skipped;
    assign event_kind = is_event ? 2'd0 : 2'd2;
    assign event_address = place;
    assign event_value = pixel;

    wire tap_strobe = event_valid && event_ready;
    wire [1:0] tap_mark = event_kind;
    wire [2:0] tap_address = event_address;
    wire [7:0] tap_value = event_value;

    always @(posedge clk)
        if (rst) begin
            beat <= 0;
            skipping <= 0;
            sending <= 0;
            place <= 0;
            error <= 0;
        end else begin
            if (valid && ready && skipping) skipping <= !payload[16];
            else if (valid && ready) begin
                pixels[{4'b0, beat} * 16 +: 16] <= payload[15:0];
                beat <= beat + 2'd1;
                if (payload[16] || beat == 2) begin
                    beat <= 0;
                    skipping <= !payload[16];
                    sending <= payload[16] && beat == 2;
                    error <= payload[16] != (beat == 2);
                end
            end
            if (skipped && sending || event_valid && event_ready) begin
                place <= place == 5 ? 3'd0 : place + 3'd1;
                if (place == 5) sending <= 0;
            end
        end
endmodule

module toy_neurons (
    input clk,
    input rst,
    input start,
    input first,
    input [47:0] currents,
    output busy,
    output reg done,
    output reg [5:0] counts
);
    reg word = 0;
    reg working = 0;
    reg [47:0] membranes = 0;
    reg initial_step = 0;
    assign busy = working;

    wire [31:0] tap_integrated, tap_membrane;
    wire [1:0] tap_spike, tap_value;
    wire tap_strobe = working;
    genvar lane;
    generate
        for (lane = 0; lane < 2; lane = lane + 1) begin : lanes
            wire [5:0] low = (lane + 2 * {5'b0, word}) * 16;
            wire exists = lane == 0 || !word;
            wire signed [15:0] membrane = initial_step || !exists ? 16'sd0 : membranes[low +: 16];
            wire signed [15:0] current = exists ? currents[low +: 16] : 16'sd0;
            wire signed [15:0] integrated = membrane - (membrane >>> 1) + current;
            wire spike = exists && integrated >= 300;
            assign tap_integrated[16 * lane +: 16] = integrated;
            assign tap_spike[lane] = spike;
            assign tap_value[lane] = spike;
            assign tap_membrane[16 * lane +: 16] = spike ? integrated - 16'sd300 : integrated;
            always @(posedge clk)
                if (working && exists) begin
                    membranes[low +: 16] <= tap_membrane[16 * lane +: 16];
                    counts[2 * (lane + 2 * {2'b0, word}) +: 2] <=
                        (initial_step ? 2'd0 : counts[2 * (lane + 2 * {2'b0, word}) +: 2]) + {1'b0, spike};
                end
        end
    endgenerate

    always @(posedge clk) begin
        done <= working && word;
        if (rst) working <= 0;
        else if (start) begin
            working <= 1;
            word <= 0;
            initial_step <= first;
        end else if (working) begin
            word <= 1;
            working <= !word;
        end
    end
endmodule

module toy_hidden (
    input clk,
    input rst,
    input valid,
    output ready,
    input [1:0] kind,
    input [2:0] address,
    input [7:0] value,
    output finished,
    output [5:0] counts
);
    reg [47:0] sums = 0;
    reg second = 0;  // the input is constant: its sum is applied at both steps
    wire busy, done;
    wire signed [16:0] graded = {9'b0, value};

    function signed [3:0] weight(input [2:0] neuron, input [2:0] from);
        case ({neuron, from})
            6'o00: weight = 4'sd3; 6'o01: weight = -4'sd2; 6'o02: weight = 4'sd1; 6'o03: weight = 4'sd0; 6'o04: weight = 4'sd7;
            6'o10: weight = -4'sd8; 6'o11: weight = 4'sd5; 6'o12: weight = 4'sd2; 6'o13: weight = 4'sd1; 6'o14: weight = 4'sd0;
            6'o20: weight = 4'sd1; 6'o21: weight = 4'sd1; 6'o22: weight = 4'sd1; 6'o23: weight = 4'sd1; 6'o24: weight = -4'sd3;
            default: weight = 4'sd0;
        endcase
    endfunction

    wire step = valid && ready && kind != 0;
    wire again = done && !second;
    assign ready = !busy && !done;
    assign finished = done && second;
    integer i;
    reg signed [16:0] product;
    always @(posedge clk) begin
        if (rst || finished) begin
            sums <= {16'sd30, -16'sd20, 16'sd10};
            second <= 0;
        end else if (valid && ready && kind == 0) begin
            for (i = 0; i < 3; i = i + 1) begin
                product = weight(i[2:0], address) * graded;
                sums[16 * i +: 16] <= sums[16 * i +: 16] + product[15:0];
            end
        end else if (again) second <= 1;
    end

    toy_neurons neurons (
        .clk(clk), .rst(rst), .start(step || again), .first(!again), .currents(sums), .busy(busy), .done(done), .counts(counts)
    );
endmodule

module toy (
    input clk,
    input rst,
    output error,
    input sample__valid,
    output sample__ready,
    input [16:0] sample__payload,
    output reg result__valid,
    input result__ready,
    output [7:0] result__payload
);
    wire event_valid, event_ready, layer_ready, finished;
    wire [1:0] event_kind;
    wire [2:0] event_address;
    wire [7:0] event_value;
    wire [5:0] counts;

    // The counts lie in the neurons until they are taken, so that no event may pass before.
    assign event_ready = layer_ready && !finished && !result__valid;

    toy_encoder encoder (
        .clk(clk), .rst(rst), .valid(sample__valid), .ready(sample__ready), .payload(sample__payload), .error(error),
        .event_valid(event_valid), .event_ready(event_ready), .event_kind(event_kind),
        .event_address(event_address), .event_value(event_value)
    );
    toy_hidden hidden (
        .clk(clk), .rst(rst), .valid(event_valid && event_ready), .ready(layer_ready), .kind(event_kind),
        .address(event_address), .value(event_value), .finished(finished), .counts(counts)
    );

    wire [1:0] best01 = counts[3:2] > counts[1:0] ? 2'd1 : 2'd0;
    wire [1:0] most01 = best01[0] ? counts[3:2] : counts[1:0];
    assign result__payload = {counts, counts[5:4] > most01 ? 2'd2 : best01};

    always @(posedge clk)
        if (rst) result__valid <= 0;
        else if (finished) result__valid <= 1;
        else if (result__ready) result__valid <= 0;
endmodule
