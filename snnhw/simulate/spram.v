// What a circuit uses of iCE40UP5K's single-port RAM of 16,384 words of 16 bits: a cycle either writes a word or reads one.
module SB_SPRAM256KA (
    input CLOCK, CHIPSELECT, WREN, STANDBY, SLEEP, POWEROFF,
    input [13:0] ADDRESS,
    input [15:0] DATAIN,
    input [3:0] MASKWREN,
    output reg [15:0] DATAOUT
);
    reg [15:0] words [0:16383];
    wire [15:0] mask = {{4{MASKWREN[3]}}, {4{MASKWREN[2]}}, {4{MASKWREN[1]}}, {4{MASKWREN[0]}}};

    always @(posedge CLOCK)
        if (CHIPSELECT && !STANDBY && !SLEEP && POWEROFF) begin
            if (WREN) words[ADDRESS] <= DATAIN & mask | words[ADDRESS] & ~mask;
            else DATAOUT <= words[ADDRESS];
        end
endmodule
