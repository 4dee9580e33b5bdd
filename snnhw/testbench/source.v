// A source of transfers, those of `{file}, of which so many are allowed.
// A payload that is not valid shows random bits.
reg [`{width}-1:0] `{name} [0:`{count}];  // the last place is never used: a count of all of them points there
integer `{name}_allowed, `{name}_sent, `{name}_taken;
wire `{name}_move = `{valid} && `{ready};
initial begin
  $readmemh("`{file}", `{name}, 0, `{count} - 1);
  {`{name}_allowed, `{name}_sent, `{name}_taken} = 0;
  {`{valid}, `{payload}} = 0;
end
always @(posedge `{clock})
  if (`{reset}) `{valid} <= 1'b0;
  else begin
    if (`{name}_move) `{name}_taken <= `{name}_taken + 1;
    if (!`{valid} || `{ready}) begin
      if (`{name}_sent != `{name}_allowed && !source_pauses) begin
        `{valid} <= 1'b1;
        `{payload} <= `{name}[`{name}_sent[`{bits}-1:0]];
        `{name}_sent <= `{name}_sent + 1;
      end else begin
        `{valid} <= 1'b0;
        `{payload} <= `{junk};
      end
    end
  end
