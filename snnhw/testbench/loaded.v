// Above a byte of weights, and "last", stands what "loaded" must be after it.
reg weights_loaded, wanted_loaded;
initial wanted_loaded = 1'b`{loaded};
always @(posedge clk) if (!rst) begin
  if (weights_move) wanted_loaded <= weights_loaded;
  if (loaded !== wanted_loaded) begin
    if (!faulty) $display("loaded is %b, not %b", loaded, wanted_loaded);
    faulty <= 1'b1;
  end
  if (samples_move && !wanted_loaded) begin
    $display("a sample was taken while weights were missing");
    faulty <= 1'b1;
  end
end
