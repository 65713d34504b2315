// An account with the broker, and the private flow that every session of it receives.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ctp_abi.hpp"
#include "ledger.hpp"

namespace tidewire::ctp_sim {

using Return = std::function<void(CThostFtdcTraderSpi&)>;
using Flow = std::vector<std::shared_ptr<const Return>>;  // the n-th return has the number n + 1

struct Credentials {
  std::string broker, user, password, app_id, auth_code;  // an empty one of the last three admits any
};

struct User {
  User(Credentials given, double balance)
      : credentials(std::move(given)), ledger(credentials.broker, credentials.user, balance) {}

  Credentials credentials;
  Ledger ledger;
  Flow flow;
  int failed_logins = 0;
  bool confirmed = false;  // today's settlement
  Millis confirmed_at = 0;
  long long max_order_ref = 0;
};

}  // namespace tidewire::ctp_sim
