// In the place of the header of this name that Verilator's writer of FST includes: what it checks is thrown.
//
// Its own ends the process, which would be the user's Python, where the file cannot be written.

#pragma once

#include <cstdlib>
#include <stdexcept>

#define FST_CHECK(condition)                                                                      \
    do {                                                                                          \
        if (!(condition)) throw std::runtime_error("the writer of FST is not at " #condition);    \
    } while (false)
#define FST_CHECK_EQ(a, b) FST_CHECK((a) == (b))
#define FST_CHECK_NE(a, b) FST_CHECK((a) != (b))
#define FST_CHECK_GT(a, b) FST_CHECK((a) > (b))
#define FST_CHECK_GE(a, b) FST_CHECK((a) >= (b))
#define FST_CHECK_LT(a, b) FST_CHECK((a) < (b))
#define FST_CHECK_LE(a, b) FST_CHECK((a) <= (b))

#define FST_DCHECK FST_CHECK
#define FST_DCHECK_EQ FST_CHECK_EQ
#define FST_DCHECK_NE FST_CHECK_NE
#define FST_DCHECK_GT FST_CHECK_GT
#define FST_DCHECK_GE FST_CHECK_GE
#define FST_DCHECK_LT FST_CHECK_LT
#define FST_DCHECK_LE FST_CHECK_LE

#define FST_UNREACHABLE std::abort()
