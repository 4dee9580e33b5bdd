`{random}

// How often a side pauses changes now and then.
reg [1:0] source_rests, sink_rests;
wire source_pauses = STALLS != 0 && random[1:0] < source_rests;
wire sink_pauses = STALLS != 0 && random[9:8] < sink_rests;
initial {source_rests, sink_rests} = 4'd0;
always @(posedge `{clock}) if (random[31:26] == 6'd0) {source_rests, sink_rests} <= random[19:16];
