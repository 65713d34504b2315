// ISO-8601 time stamps, the way venues write them, to UTC nanoseconds.
#pragma once
#include <cstdint>

#include "tidewire/status.hpp"

namespace tidewire {

// Reads "2021-08-24T00:00:00Z", with a space for the T, without the seconds, with a fraction of up to nine digits, and
// with an offset such as "+08:00" or "+0800" for the Z. A text without zone is refused: guessing one is how data goes
// missing. Returns Code::wrong_type for anything else and Code::out_of_range outside 1678–2261.
Code read_iso_time(Bytes text, std::int64_t& time_ns);

}  // namespace tidewire
