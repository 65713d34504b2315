// The letters of the vendor's constants that the desk decides by.
#pragma once
#include <string_view>

#include "book.hpp"
#include "ctp_abi.hpp"

namespace tidewire::ctp_sim {

constexpr char buys = '0';
constexpr char any_price = '1', limit_price = '2', best_price = '3', five_levels = 'G';
constexpr char immediate_or_cancel = '1';
constexpr char min_volume = '2', complete_volume = '3';
constexpr char immediately = '1';
constexpr char all_traded = '0', part_traded = '1', no_trade = '3', canceled = '5', unknown = 'a', not_touched = 'b',
               touched = 'c';
constexpr char insert_submitted = '0', accepted = '3', insert_rejected = '4', cancel_rejected = '5';

inline bool is_one_of(char letter, std::string_view letters) { return letters.find(letter) != std::string_view::npos; }

inline bool is_final(const CThostFtdcOrderField& order) { return is_one_of(order.OrderStatus, "05c"); }

inline Side side_of(char direction) { return direction == buys ? Side::buy : Side::sell; }

}  // namespace tidewire::ctp_sim
