`{source}

// Send so many bytes of weights.
task load(input integer count);
  begin
    weights_allowed = weights_allowed + count;
    while (weights_taken != weights_allowed) cycles(1);
  end
endtask

task check_waiting;
  if (received == due) begin
    $display("a sample was worked on while weights were missing");
    mistaken = 1'b1;
  end
endtask
