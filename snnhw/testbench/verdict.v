// The results that are due, that came, and that are as they should be; and whether anything else was wrong.
integer due, received, equal, idle;
reg faulty, mistaken;  // as seen at rising edges, and as seen by what is done one after the other
initial {due, received, equal, idle, faulty, mistaken} = 0;
always @(posedge `{clock}) begin
  idle <= `{moves} ? 0 : idle + 1;
  if (idle == PATIENCE) begin
    $display("nothing was transferred for %0d cycles", idle);
    conclude;
  end
end

// What is done one after the other is done at falling edges, so that no two things happen at once at rising ones.
task cycles(input integer count);
  repeat (count) @(negedge `{clock});
endtask

// Let so many `{unit} be sent, which are worth so many results.
task send(input integer count, input integer results);
  begin
    `{name}_allowed = `{name}_allowed + count;
    due = due + results;
  end
endtask

// Wait until all is sent.
task taken;
  while (`{name}_taken != `{name}_allowed) cycles(1);
endtask

// Wait until all is sent, and answered, and for what should not come.
task settle;
  begin
    taken;
    while (received != due) cycles(1);
    cycles(QUIET);
  end
endtask

task conclude;
  begin
    if (equal == RESULTS && !faulty && !mistaken) $display("PASS: %0d of %0d samples", equal, RESULTS);
    else if (!faulty && !mistaken) $display("FAIL: %0d of %0d samples", equal, RESULTS);
    else $display("FAIL: %0d of %0d samples, and a fault at the ports", equal, RESULTS);
    $finish;
  end
endtask
