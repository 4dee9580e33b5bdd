// 18 kbit of Xilinx 7: two equal ports, or (SDP) one that reads, A, and one that writes, B.
module RAMB18E1 #(
    parameter [255:0] INIT_00 = 0, INIT_01 = 0, INIT_02 = 0, INIT_03 = 0, INIT_04 = 0, INIT_05 = 0, INIT_06 = 0,
    parameter [255:0] INIT_07 = 0, INIT_08 = 0, INIT_09 = 0, INIT_0A = 0, INIT_0B = 0, INIT_0C = 0, INIT_0D = 0,
    parameter [255:0] INIT_0E = 0, INIT_0F = 0, INIT_10 = 0, INIT_11 = 0, INIT_12 = 0, INIT_13 = 0, INIT_14 = 0,
    parameter [255:0] INIT_15 = 0, INIT_16 = 0, INIT_17 = 0, INIT_18 = 0, INIT_19 = 0, INIT_1A = 0, INIT_1B = 0,
    parameter [255:0] INIT_1C = 0, INIT_1D = 0, INIT_1E = 0, INIT_1F = 0, INIT_20 = 0, INIT_21 = 0, INIT_22 = 0,
    parameter [255:0] INIT_23 = 0, INIT_24 = 0, INIT_25 = 0, INIT_26 = 0, INIT_27 = 0, INIT_28 = 0, INIT_29 = 0,
    parameter [255:0] INIT_2A = 0, INIT_2B = 0, INIT_2C = 0, INIT_2D = 0, INIT_2E = 0, INIT_2F = 0, INIT_30 = 0,
    parameter [255:0] INIT_31 = 0, INIT_32 = 0, INIT_33 = 0, INIT_34 = 0, INIT_35 = 0, INIT_36 = 0, INIT_37 = 0,
    parameter [255:0] INIT_38 = 0, INIT_39 = 0, INIT_3A = 0, INIT_3B = 0, INIT_3C = 0, INIT_3D = 0, INIT_3E = 0,
    parameter [255:0] INIT_3F = 0,
    parameter [255:0] INITP_00 = 0, INITP_01 = 0, INITP_02 = 0, INITP_03 = 0, INITP_04 = 0, INITP_05 = 0,
    parameter [255:0] INITP_06 = 0, INITP_07 = 0,
    parameter [17:0] INIT_A = 0, INIT_B = 0, SRVAL_A = 0, SRVAL_B = 0,
    parameter RAM_MODE = "TDP", WRITE_MODE_A = "WRITE_FIRST", WRITE_MODE_B = "WRITE_FIRST",
    parameter READ_WIDTH_A = 0, READ_WIDTH_B = 0, WRITE_WIDTH_A = 0, WRITE_WIDTH_B = 0, DOA_REG = 0, DOB_REG = 0,
    parameter IS_CLKARDCLK_INVERTED = 0, IS_CLKBWRCLK_INVERTED = 0, IS_ENARDEN_INVERTED = 0, IS_ENBWREN_INVERTED = 0,
    parameter IS_RSTRAMARSTRAM_INVERTED = 0, IS_RSTRAMB_INVERTED = 0, IS_RSTREGARSTREG_INVERTED = 0,
    parameter IS_RSTREGB_INVERTED = 0
) (
    input CLKARDCLK, CLKBWRCLK, ENARDEN, ENBWREN, REGCEAREGCE, REGCEB, RSTRAMARSTRAM, RSTRAMB, RSTREGARSTREG, RSTREGB,
    input [13:0] ADDRARDADDR, ADDRBWRADDR,
    input [15:0] DIADI, DIBDI,
    input [1:0] DIPADIP, DIPBDIP,
    input [1:0] WEA,
    input [3:0] WEBWE,
    output [15:0] DOADO, DOBDO,
    output [1:0] DOPADOP, DOPBDOP
);
    localparam [16383:0] DATA =
        {INIT_3F, INIT_3E, INIT_3D, INIT_3C, INIT_3B, INIT_3A, INIT_39, INIT_38, INIT_37, INIT_36, INIT_35, INIT_34,
        INIT_33, INIT_32, INIT_31, INIT_30, INIT_2F, INIT_2E, INIT_2D, INIT_2C, INIT_2B, INIT_2A, INIT_29, INIT_28,
        INIT_27, INIT_26, INIT_25, INIT_24, INIT_23, INIT_22, INIT_21, INIT_20, INIT_1F, INIT_1E, INIT_1D, INIT_1C,
        INIT_1B, INIT_1A, INIT_19, INIT_18, INIT_17, INIT_16, INIT_15, INIT_14, INIT_13, INIT_12, INIT_11, INIT_10,
        INIT_0F, INIT_0E, INIT_0D, INIT_0C, INIT_0B, INIT_0A, INIT_09, INIT_08, INIT_07, INIT_06, INIT_05, INIT_04,
        INIT_03, INIT_02, INIT_01, INIT_00};
    localparam [2047:0] PARITY =
        {INITP_07, INITP_06, INITP_05, INITP_04, INITP_03, INITP_02, INITP_01, INITP_00};
    localparam SDP = RAM_MODE == "SDP";
    localparam WIDE_READ = SDP && READ_WIDTH_A > 18, WIDE_WRITE = SDP && WRITE_WIDTH_B > 18;

    // Data and parity lie apart at the pins: joined here, byte by byte, and taken apart again.
    function [71:0] nine(input [63:0] data, input [7:0] parity);
        integer k;
        for (k = 0; k < 8; k = k + 1) nine[9*k +: 9] = {parity[k], data[8*k +: 8]};
    endfunction
    function [63:0] eight(input [71:0] bytes);
        integer k;
        for (k = 0; k < 8; k = k + 1) eight[8*k +: 8] = bytes[9*k +: 8];
    endfunction
    function [7:0] ninth(input [71:0] bytes);
        integer k;
        for (k = 0; k < 8; k = k + 1) ninth[k] = bytes[9*k + 8];
    endfunction
    function [71:0] pair(input [17:0] high, low);
        pair = nine({high[15:0], low[15:0]}, {high[17:16], low[17:16]});
    endfunction
    function integer mode(input [87:0] name);
        mode = name == "NO_CHANGE" ? 0 : name == "READ_FIRST" ? 1 : 2;
    endfunction

    wire [71:0] out_a, out_b;
    snnhw_block_ram #(
        .BYTES(2048),
        .READ_A(READ_WIDTH_A), .WRITE_A(SDP ? 0 : WRITE_WIDTH_A), .MODE_A(mode(WRITE_MODE_A)),
        .READ_B(SDP ? 0 : READ_WIDTH_B), .WRITE_B(WRITE_WIDTH_B), .MODE_B(mode(WRITE_MODE_B)),
        .INIT_A(pair(WIDE_READ ? INIT_B : 18'b0, INIT_A)), .INIT_B(pair(18'b0, INIT_B)),
        .RESET_A(pair(WIDE_READ ? SRVAL_B : 18'b0, SRVAL_A)), .RESET_B(pair(18'b0, SRVAL_B))
    ) ram (
        .clk_a(CLKARDCLK ^ IS_CLKARDCLK_INVERTED[0]), .clk_b(CLKBWRCLK ^ IS_CLKBWRCLK_INVERTED[0]),
        .en_a(ENARDEN ^ IS_ENARDEN_INVERTED[0]), .en_b(ENBWREN ^ IS_ENBWREN_INVERTED[0]),
        .rst_a(RSTRAMARSTRAM ^ IS_RSTRAMARSTRAM_INVERTED[0]), .rst_b(RSTRAMB ^ IS_RSTRAMB_INVERTED[0]),
        .addr_a({2'b0, ADDRARDADDR[13:0]}), .addr_b({2'b0, ADDRBWRADDR[13:0]}),
        .we_a({6'b0, WEA}), .we_b({4'b0, WEBWE}),
        .in_a(pair(18'b0, {DIPADIP, DIADI})),
        .in_b(WIDE_WRITE ? pair({DIPBDIP, DIBDI}, {DIPADIP, DIADI}) : pair(18'b0, {DIPBDIP, DIBDI})),
        .out_a(out_a), .out_b(out_b)
    );
    wire [63:0] data_a = eight(out_a), data_b = WIDE_READ ? data_a >> 16 : eight(out_b);
    wire [7:0] parity_a = ninth(out_a), parity_b = WIDE_READ ? parity_a >> 2 : ninth(out_b);
    assign DOADO = data_a[15:0], DOPADOP = parity_a[1:0];
    assign DOBDO = data_b[15:0], DOPBDOP = parity_b[1:0];

    integer i;
    initial for (i = 0; i < 256; i = i + 1) ram.lines[i] = nine(DATA[64*i +: 64], PARITY[8*i +: 8]);
endmodule

// 36 kbit of Xilinx 7: two equal ports, or (SDP) one that reads, A, and one that writes, B. Two of these in cascade are
// 64 K words of a bit: the LOWER has those whose address has 0 as its highest bit, and its data leave through the UPPER.
module RAMB36E1 #(
    parameter [255:0] INIT_00 = 0, INIT_01 = 0, INIT_02 = 0, INIT_03 = 0, INIT_04 = 0, INIT_05 = 0, INIT_06 = 0,
    parameter [255:0] INIT_07 = 0, INIT_08 = 0, INIT_09 = 0, INIT_0A = 0, INIT_0B = 0, INIT_0C = 0, INIT_0D = 0,
    parameter [255:0] INIT_0E = 0, INIT_0F = 0, INIT_10 = 0, INIT_11 = 0, INIT_12 = 0, INIT_13 = 0, INIT_14 = 0,
    parameter [255:0] INIT_15 = 0, INIT_16 = 0, INIT_17 = 0, INIT_18 = 0, INIT_19 = 0, INIT_1A = 0, INIT_1B = 0,
    parameter [255:0] INIT_1C = 0, INIT_1D = 0, INIT_1E = 0, INIT_1F = 0, INIT_20 = 0, INIT_21 = 0, INIT_22 = 0,
    parameter [255:0] INIT_23 = 0, INIT_24 = 0, INIT_25 = 0, INIT_26 = 0, INIT_27 = 0, INIT_28 = 0, INIT_29 = 0,
    parameter [255:0] INIT_2A = 0, INIT_2B = 0, INIT_2C = 0, INIT_2D = 0, INIT_2E = 0, INIT_2F = 0, INIT_30 = 0,
    parameter [255:0] INIT_31 = 0, INIT_32 = 0, INIT_33 = 0, INIT_34 = 0, INIT_35 = 0, INIT_36 = 0, INIT_37 = 0,
    parameter [255:0] INIT_38 = 0, INIT_39 = 0, INIT_3A = 0, INIT_3B = 0, INIT_3C = 0, INIT_3D = 0, INIT_3E = 0,
    parameter [255:0] INIT_3F = 0, INIT_40 = 0, INIT_41 = 0, INIT_42 = 0, INIT_43 = 0, INIT_44 = 0, INIT_45 = 0,
    parameter [255:0] INIT_46 = 0, INIT_47 = 0, INIT_48 = 0, INIT_49 = 0, INIT_4A = 0, INIT_4B = 0, INIT_4C = 0,
    parameter [255:0] INIT_4D = 0, INIT_4E = 0, INIT_4F = 0, INIT_50 = 0, INIT_51 = 0, INIT_52 = 0, INIT_53 = 0,
    parameter [255:0] INIT_54 = 0, INIT_55 = 0, INIT_56 = 0, INIT_57 = 0, INIT_58 = 0, INIT_59 = 0, INIT_5A = 0,
    parameter [255:0] INIT_5B = 0, INIT_5C = 0, INIT_5D = 0, INIT_5E = 0, INIT_5F = 0, INIT_60 = 0, INIT_61 = 0,
    parameter [255:0] INIT_62 = 0, INIT_63 = 0, INIT_64 = 0, INIT_65 = 0, INIT_66 = 0, INIT_67 = 0, INIT_68 = 0,
    parameter [255:0] INIT_69 = 0, INIT_6A = 0, INIT_6B = 0, INIT_6C = 0, INIT_6D = 0, INIT_6E = 0, INIT_6F = 0,
    parameter [255:0] INIT_70 = 0, INIT_71 = 0, INIT_72 = 0, INIT_73 = 0, INIT_74 = 0, INIT_75 = 0, INIT_76 = 0,
    parameter [255:0] INIT_77 = 0, INIT_78 = 0, INIT_79 = 0, INIT_7A = 0, INIT_7B = 0, INIT_7C = 0, INIT_7D = 0,
    parameter [255:0] INIT_7E = 0, INIT_7F = 0,
    parameter [255:0] INITP_00 = 0, INITP_01 = 0, INITP_02 = 0, INITP_03 = 0, INITP_04 = 0, INITP_05 = 0,
    parameter [255:0] INITP_06 = 0, INITP_07 = 0, INITP_08 = 0, INITP_09 = 0, INITP_0A = 0, INITP_0B = 0,
    parameter [255:0] INITP_0C = 0, INITP_0D = 0, INITP_0E = 0, INITP_0F = 0,
    parameter [35:0] INIT_A = 0, INIT_B = 0, SRVAL_A = 0, SRVAL_B = 0,
    parameter RAM_MODE = "TDP", WRITE_MODE_A = "WRITE_FIRST", WRITE_MODE_B = "WRITE_FIRST",
    parameter RAM_EXTENSION_A = "NONE", RAM_EXTENSION_B = "NONE",
    parameter READ_WIDTH_A = 0, READ_WIDTH_B = 0, WRITE_WIDTH_A = 0, WRITE_WIDTH_B = 0, DOA_REG = 0, DOB_REG = 0,
    parameter IS_CLKARDCLK_INVERTED = 0, IS_CLKBWRCLK_INVERTED = 0, IS_ENARDEN_INVERTED = 0, IS_ENBWREN_INVERTED = 0,
    parameter IS_RSTRAMARSTRAM_INVERTED = 0, IS_RSTRAMB_INVERTED = 0, IS_RSTREGARSTREG_INVERTED = 0,
    parameter IS_RSTREGB_INVERTED = 0
) (
    input CLKARDCLK, CLKBWRCLK, ENARDEN, ENBWREN, REGCEAREGCE, REGCEB, RSTRAMARSTRAM, RSTRAMB, RSTREGARSTREG, RSTREGB,
    input CASCADEINA, CASCADEINB,
    output CASCADEOUTA, CASCADEOUTB,
    input [15:0] ADDRARDADDR, ADDRBWRADDR,
    input [31:0] DIADI, DIBDI,
    input [3:0] DIPADIP, DIPBDIP,
    input [3:0] WEA,
    input [7:0] WEBWE,
    output [31:0] DOADO, DOBDO,
    output [3:0] DOPADOP, DOPBDOP
);
    localparam [32767:0] DATA =
        {INIT_7F, INIT_7E, INIT_7D, INIT_7C, INIT_7B, INIT_7A, INIT_79, INIT_78, INIT_77, INIT_76, INIT_75, INIT_74,
        INIT_73, INIT_72, INIT_71, INIT_70, INIT_6F, INIT_6E, INIT_6D, INIT_6C, INIT_6B, INIT_6A, INIT_69, INIT_68,
        INIT_67, INIT_66, INIT_65, INIT_64, INIT_63, INIT_62, INIT_61, INIT_60, INIT_5F, INIT_5E, INIT_5D, INIT_5C,
        INIT_5B, INIT_5A, INIT_59, INIT_58, INIT_57, INIT_56, INIT_55, INIT_54, INIT_53, INIT_52, INIT_51, INIT_50,
        INIT_4F, INIT_4E, INIT_4D, INIT_4C, INIT_4B, INIT_4A, INIT_49, INIT_48, INIT_47, INIT_46, INIT_45, INIT_44,
        INIT_43, INIT_42, INIT_41, INIT_40, INIT_3F, INIT_3E, INIT_3D, INIT_3C, INIT_3B, INIT_3A, INIT_39, INIT_38,
        INIT_37, INIT_36, INIT_35, INIT_34, INIT_33, INIT_32, INIT_31, INIT_30, INIT_2F, INIT_2E, INIT_2D, INIT_2C,
        INIT_2B, INIT_2A, INIT_29, INIT_28, INIT_27, INIT_26, INIT_25, INIT_24, INIT_23, INIT_22, INIT_21, INIT_20,
        INIT_1F, INIT_1E, INIT_1D, INIT_1C, INIT_1B, INIT_1A, INIT_19, INIT_18, INIT_17, INIT_16, INIT_15, INIT_14,
        INIT_13, INIT_12, INIT_11, INIT_10, INIT_0F, INIT_0E, INIT_0D, INIT_0C, INIT_0B, INIT_0A, INIT_09, INIT_08,
        INIT_07, INIT_06, INIT_05, INIT_04, INIT_03, INIT_02, INIT_01, INIT_00};
    localparam [4095:0] PARITY =
        {INITP_0F, INITP_0E, INITP_0D, INITP_0C, INITP_0B, INITP_0A, INITP_09, INITP_08, INITP_07, INITP_06,
        INITP_05, INITP_04, INITP_03, INITP_02, INITP_01, INITP_00};
    localparam SDP = RAM_MODE == "SDP";
    localparam WIDE_READ = SDP && READ_WIDTH_A > 36, WIDE_WRITE = SDP && WRITE_WIDTH_B > 36;

    // Data and parity lie apart at the pins: joined here, byte by byte, and taken apart again.
    function [71:0] nine(input [63:0] data, input [7:0] parity);
        integer k;
        for (k = 0; k < 8; k = k + 1) nine[9*k +: 9] = {parity[k], data[8*k +: 8]};
    endfunction
    function [63:0] eight(input [71:0] bytes);
        integer k;
        for (k = 0; k < 8; k = k + 1) eight[8*k +: 8] = bytes[9*k +: 8];
    endfunction
    function [7:0] ninth(input [71:0] bytes);
        integer k;
        for (k = 0; k < 8; k = k + 1) ninth[k] = bytes[9*k + 8];
    endfunction
    function [71:0] pair(input [35:0] high, low);
        pair = nine({high[31:0], low[31:0]}, {high[35:32], low[35:32]});
    endfunction
    function integer mode(input [87:0] name);
        mode = name == "NO_CHANGE" ? 0 : name == "READ_FIRST" ? 1 : 2;
    endfunction

    localparam UPPER_A = RAM_EXTENSION_A == "UPPER", UPPER_B = RAM_EXTENSION_B == "UPPER";
    wire mine_a = RAM_EXTENSION_A == "NONE" || ADDRARDADDR[15] == UPPER_A;
    wire mine_b = RAM_EXTENSION_B == "NONE" || ADDRBWRADDR[15] == UPPER_B;

    wire [71:0] out_a, out_b;
    snnhw_block_ram #(
        .BYTES(4096),
        .READ_A(READ_WIDTH_A), .WRITE_A(SDP ? 0 : WRITE_WIDTH_A), .MODE_A(mode(WRITE_MODE_A)),
        .READ_B(SDP ? 0 : READ_WIDTH_B), .WRITE_B(WRITE_WIDTH_B), .MODE_B(mode(WRITE_MODE_B)),
        .INIT_A(pair(WIDE_READ ? INIT_B : 36'b0, INIT_A)), .INIT_B(pair(36'b0, INIT_B)),
        .RESET_A(pair(WIDE_READ ? SRVAL_B : 36'b0, SRVAL_A)), .RESET_B(pair(36'b0, SRVAL_B))
    ) ram (
        .clk_a(CLKARDCLK ^ IS_CLKARDCLK_INVERTED[0]), .clk_b(CLKBWRCLK ^ IS_CLKBWRCLK_INVERTED[0]),
        .en_a(ENARDEN ^ IS_ENARDEN_INVERTED[0]), .en_b(ENBWREN ^ IS_ENBWREN_INVERTED[0]),
        .rst_a(RSTRAMARSTRAM ^ IS_RSTRAMARSTRAM_INVERTED[0]), .rst_b(RSTRAMB ^ IS_RSTRAMB_INVERTED[0]),
        .addr_a({1'b0, ADDRARDADDR[14:0]}), .addr_b({1'b0, ADDRBWRADDR[14:0]}),
        .we_a(mine_a ? {4'b0, WEA} : 8'b0), .we_b(mine_b ? WEBWE : 8'b0),
        .in_a(pair(36'b0, {DIPADIP, DIADI})),
        .in_b(WIDE_WRITE ? pair({DIPBDIP, DIBDI}, {DIPADIP, DIADI}) : pair(36'b0, {DIPBDIP, DIBDI})),
        .out_a(out_a), .out_b(out_b)
    );
    wire [63:0] data_a = eight(out_a), data_b = WIDE_READ ? data_a >> 32 : eight(out_b);
    wire [7:0] parity_a = ninth(out_a), parity_b = WIDE_READ ? parity_a >> 4 : ninth(out_b);
    assign DOADO = UPPER_A && !own_a ? {31'b0, CASCADEINA} : data_a[31:0], DOPADOP = parity_a[3:0];
    assign DOBDO = UPPER_B && !own_b ? {31'b0, CASCADEINB} : data_b[31:0], DOPBDOP = parity_b[3:0];
    assign CASCADEOUTA = data_a[0], CASCADEOUTB = data_b[0];

    reg own_a = 0, own_b = 0;
    always @(posedge CLKARDCLK ^ IS_CLKARDCLK_INVERTED[0])
        if (ENARDEN ^ IS_ENARDEN_INVERTED[0]) own_a <= ADDRARDADDR[15];
    always @(posedge CLKBWRCLK ^ IS_CLKBWRCLK_INVERTED[0])
        if (ENBWREN ^ IS_ENBWREN_INVERTED[0]) own_b <= ADDRBWRADDR[15];

    integer i;
    initial for (i = 0; i < 512; i = i + 1) ram.lines[i] = nine(DATA[64*i +: 64], PARITY[8*i +: 8]);
endmodule
