// Orders are taken back, or not.
#include "desk.hpp"
#include "letters.hpp"
#include "tables.hpp"
#include "text.hpp"

namespace tidewire::ctp_sim {

CThostFtdcOrderActionField action_of(const CThostFtdcInputOrderActionField& input) {
  CThostFtdcOrderActionField action{};
  put(action.BrokerID, text_of(input.BrokerID));
  put(action.InvestorID, text_of(input.InvestorID));
  put(action.UserID, text_of(input.UserID));
  put(action.OrderRef, text_of(input.OrderRef));
  put(action.ExchangeID, text_of(input.ExchangeID));
  put(action.OrderSysID, text_of(input.OrderSysID));
  put(action.InstrumentID, text_of(input.InstrumentID));
  put(action.InvestUnitID, text_of(input.InvestUnitID));
  put(action.OrderMemo, text_of(input.OrderMemo));
  action.OrderActionRef = input.OrderActionRef;
  action.RequestID = input.RequestID;
  action.FrontID = input.FrontID;
  action.SessionID = input.SessionID;
  action.ActionFlag = input.ActionFlag;
  action.LimitPrice = input.LimitPrice;
  action.VolumeChange = input.VolumeChange;
  action.SessionReqSeq = input.SessionReqSeq;
  return action;
}

OrderId Desk::find_order(const CThostFtdcInputOrderActionField& input) const {
  const std::string ref(trimmed(text_of(input.OrderRef)));
  const auto by_ref = by_ref_.find({input.FrontID, input.SessionID, ref});
  if (!ref.empty() && by_ref != by_ref_.end()) return by_ref->second;
  const std::string_view sys_id = text_of(input.OrderSysID);
  const auto by_sys_id = by_sys_id_.find({std::string(text_of(input.ExchangeID)), std::string(sys_id)});
  return by_sys_id != by_sys_id_.end() ? by_sys_id->second : anonymous;
}

std::optional<Error> Desk::cancel(const Session& session, const CThostFtdcInputOrderActionField& input) {
  if (!faults_.cancels.empty()) {
    const int id = faults_.cancels.front();
    faults_.cancels.pop_front();
    return error_of(id);
  }
  if (input.ActionFlag != '0') return text::bad_action_field;  // '3', modify, is taken by no exchange here
  const OrderId id = find_order(input);
  if (id == anonymous || at(id).user != session.user) return text::order_not_found;
  Order& order = at(id);
  if (is_final(order.field)) return text::order_finished;
  if (faults_.exchange_cancels > 0) {
    --faults_.exchange_cancels;
    refuse_cancel(order, input, text::cancel_rejected);
  } else if (order.field.OrderStatus == unknown && order.claim.listing->exchange() == "CZCE") {
    refuse_cancel(order, input, text::cancel_unknown);
  } else {
    after_delay(id, &Desk::withdraw);
  }
  return std::nullopt;
}

void Desk::withdraw(OrderId id) {
  Order& order = at(id);
  if (is_final(order.field)) return;  // filled on the way
  Listing& listing = *order.claim.listing;
  if (order.resting) listing.book.cancel(id, order.claim.side, order.limit);
  std::erase(listing.untouched, id);
  close(order, canceled, text::canceled);
}

// The exchange's no: the order stays what it was.
void Desk::refuse_cancel(Order& order, const CThostFtdcInputOrderActionField& input, Status message) {
  CThostFtdcOrderActionField action = action_of(input);
  put(action.OrderLocalID, text_of(order.field.OrderLocalID));
  put(action.OrderSysID, text_of(order.field.OrderSysID));
  put(action.ExchangeID, text_of(order.field.ExchangeID));
  put(action.StatusMsg, message.text);
  put(action.ActionDate, text_of(time_.trading_day()));
  put(action.ActionTime, clock_text(time_.now()));
  action.OrderActionStatus = 'c';  // rejected
  const CThostFtdcRspInfoField info = info_of({text::order_finished.id, message.text});
  audience_.private_return(*order.user,
                           [action, info = CThostFtdcRspInfoField(info)](CThostFtdcTraderSpi& spi) mutable {
                             spi.OnErrRtnOrderAction(&action, &info);
                           });
  order.field.OrderSubmitStatus = cancel_rejected;
  put(order.field.StatusMsg, message.text);
  say(order);
}

}  // namespace tidewire::ctp_sim
