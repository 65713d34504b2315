// Who may come in: authentication, login, settlement, and what a session asks to be sent.
#include <algorithm>
#include <cstdio>

#include "front.hpp"
#include "log.hpp"
#include "tables.hpp"
#include "text.hpp"

namespace tidewire::ctp_sim {
namespace {

// Until a script adds users, anybody of this broker may come with this password and authentication code.
constexpr std::string_view open_broker = "9999", open_password = "tidewire", open_code = "0000000000000000";
constexpr double open_balance = 10'000'000;
constexpr int front_number = 1, most_failed_logins = 6, most_subscribed_at_once = 2000;
constexpr int over_subscribed = 0x1001;  // the front hangs up

bool admits(std::string_view wanted, std::string_view given) { return wanted.empty() || wanted == given; }

int take(std::deque<int>& faults) {
  if (faults.empty()) return 0;
  const int fault = faults.front();
  faults.pop_front();
  return fault;
}

}  // namespace

void Front::authenticate(Link& link, const CThostFtdcReqAuthenticateField& request, int id) {
  const User* known = user(text_of(request.UserID));
  const std::string_view broker = known != nullptr ? known->credentials.broker : open_broker;
  const std::string_view code = known != nullptr ? known->credentials.auth_code : open_code;
  const std::string_view app = known != nullptr ? known->credentials.app_id : std::string_view();
  const bool right = (known != nullptr || open_door_) && broker == text_of(request.BrokerID) &&
                     admits(app, text_of(request.AppID)) && admits(code, text_of(request.AuthCode));
  Error error = right ? text::none : text::authentication_failed;
  if (const int fault = take(faults_.authentications); fault != 0) error = error_of(fault);
  link.peer.authenticated = error.id == 0;

  CThostFtdcRspAuthenticateField answer{};
  put(answer.BrokerID, text_of(request.BrokerID));
  put(answer.UserID, text_of(request.UserID));
  put(answer.UserProductInfo, text_of(request.UserProductInfo));
  put(answer.AppID, text_of(request.AppID));
  answer.AppType = '1';
  tell_trader(link, [answer, info = info_of(error), id](auto& spi) mutable {
    spi.OnRspAuthenticate(&answer, &info, id, true);
  });
}

std::optional<Error> Front::may_login(Link& link, const CThostFtdcReqUserLoginField& request, User*& user_found) {
  if (const int fault = take(faults_.logins); fault != 0) return error_of(fault);
  if (link.peer.logged_in) return text::duplicate_login;
  const std::string_view id = text_of(request.UserID);
  if (link.kind() == Kind::market && id.empty()) return std::nullopt;  // prices need no name
  if (link.kind() == Kind::trader && !link.peer.authenticated) return text::not_authenticated;
  user_found = user(id);
  if (user_found == nullptr && open_door_ && !id.empty() && text_of(request.BrokerID) == open_broker) {
    Credentials credentials{std::string(open_broker), std::string(id), std::string(open_password), "",
                            std::string(open_code)};
    user_found = (users_[std::string(id)] = std::make_unique<User>(std::move(credentials), open_balance)).get();
  }
  if (user_found == nullptr || user_found->credentials.broker != text_of(request.BrokerID)) return text::invalid_login;
  if (user_found->failed_logins >= most_failed_logins) return text::login_forbidden;
  if (!admits(user_found->credentials.password, text_of(request.Password))) {
    ++user_found->failed_logins;
    return text::invalid_login;
  }
  user_found->failed_logins = 0;
  return std::nullopt;
}

void Front::login(Link& link, const CThostFtdcReqUserLoginField& request, int id) {
  User* found = nullptr;
  const std::optional<Error> refused = may_login(link, request, found);
  CThostFtdcRspUserLoginField answer{};
  put(answer.BrokerID, text_of(request.BrokerID));
  put(answer.UserID, text_of(request.UserID));
  if (!refused) {
    link.peer.logged_in = true;
    link.peer.session = {found, front_number, static_cast<int>(random_.next() & 0x7fffffffU), 0};
    link.set_trading_day(time_.trading_day());
    put(answer.TradingDay, text_of(time_.trading_day()));
    put(answer.LoginTime, clock_text(time_.now()));
    put(answer.SystemName, "tidewire CTP simulator");
    answer.FrontID = link.peer.session.front;
    answer.SessionID = link.peer.session.id;
    put(answer.MaxOrderRef, std::to_string(found != nullptr ? found->max_order_ref : 0));
    put(answer.SysVersion, "SIM");
    for (auto* clock :
         {&answer.SHFETime, &answer.DCETime, &answer.CZCETime, &answer.FFEXTime, &answer.INETime, &answer.GFEXTime})
      put(*clock, clock_text(time_.now()));
  }
  link.post([answer, info = info_of(refused.value_or(text::none)), id](const Spis& spis) mutable {
    spis.any([&](auto& spi) { spi.OnRspUserLogin(&answer, &info, id, true); });
  });
  if (refused || link.kind() != Kind::trader) return;
  const auto start = [&](Series series, const Flow& flow) {
    const auto end = static_cast<std::uint32_t>(flow.size());
    if (link.wants(series)) send_flow(link, series, link.replay_from(series, phase(), end));
  };
  start(Series::public_flow, public_flow_);
  start(Series::private_flow, found->flow);
}

void Front::logout(Link& link, const CThostFtdcUserLogoutField& request, int id) {
  const Error error = link.peer.logged_in ? text::none : text::not_login_yet;
  unsubscribe_all(link);
  link.peer.logged_in = link.peer.authenticated = false;
  link.peer.session = {};
  link.post([answer = CThostFtdcUserLogoutField(request), info = info_of(error), id](const Spis& spis) mutable {
    spis.any([&](auto& spi) { spi.OnRspUserLogout(&answer, &info, id, true); });
  });
}

void Front::change_password(Link& link, const CThostFtdcUserPasswordUpdateField& request, int id) {
  Error error = text::not_login_yet;
  if (link.peer.logged_in) {
    std::string& password = link.peer.session.user->credentials.password;
    error = admits(password, text_of(request.OldPassword)) ? text::none : text::wrong_old_password;
    if (error.id == 0) password = text_of(request.NewPassword);
  }
  tell_trader(link, [answer = CThostFtdcUserPasswordUpdateField(request), info = info_of(error),
                     id](auto& spi) mutable { spi.OnRspUserPasswordUpdate(&answer, &info, id, true); });
}

void Front::confirm_settlement(Link& link, const CThostFtdcSettlementInfoConfirmField& request, int id) {
  CThostFtdcSettlementInfoConfirmField answer = request;
  const Error error = link.peer.logged_in ? text::none : text::not_login_yet;
  if (link.peer.logged_in) {
    User& investor = *link.peer.session.user;
    investor.confirmed = true;
    investor.confirmed_at = time_.now();
    put(answer.ConfirmDate, text_of(time_.trading_day()));
    put(answer.ConfirmTime, clock_text(time_.now()));
  }
  tell_trader(link, [answer, info = info_of(error), id](auto& spi) mutable {
    spi.OnRspSettlementInfoConfirm(&answer, &info, id, true);
  });
}

// A contract that is not listed is answered like any other, and stays silent, as on the real front.
void Front::subscribe(Link& link, std::span<char* const> instruments, bool wanted) {
  if (std::ssize(instruments) > most_subscribed_at_once) {
    log("more than 2000 contracts subscribed at once: the front hangs up");
    return drop(link.shared_from_this(), over_subscribed);
  }
  const Error error = link.peer.logged_in ? text::none : text::not_login_yet;
  for (char* const* name = instruments.data(); name != instruments.data() + instruments.size(); ++name) {
    if (*name == nullptr) continue;
    CThostFtdcSpecificInstrumentField answer{};
    put(answer.InstrumentID, *name);
    const bool last = name + 1 == instruments.data() + instruments.size();
    link.post([answer, info = info_of(error), wanted, last](const Spis& spis) mutable {
      if (spis.market == nullptr) return;
      if (wanted)
        spis.market->OnRspSubMarketData(&answer, &info, 0, last);
      else
        spis.market->OnRspUnSubMarketData(&answer, &info, 0, last);
    });
    Listing* listing = desk_.find(text_of(answer.InstrumentID));
    if (error.id != 0 || listing == nullptr) continue;
    const bool had = link.peer.subscribed.contains(listing);
    if (wanted && !had) {
      link.peer.subscribed.insert(listing);
      listing->subscribers.push_back(&link);
    } else if (!wanted && had) {
      link.peer.subscribed.erase(listing);
      std::erase(listing->subscribers, &link);
    }
    if (wanted && listing->has_snapshot())
      link.post([tick = listing->snapshot(time_.now(), time_.trading_day())](const Spis& spis) mutable {
        if (spis.market != nullptr) spis.market->OnRtnDepthMarketData(&tick);
      });
  }
}

void Front::insert_order(Link& link, const CThostFtdcInputOrderField& request, int id) {
  CThostFtdcInputOrderField input = request;
  input.RequestID = id;
  Session& session = link.peer.session;
  const std::optional<Error> refused =
      link.peer.logged_in ? desk_.insert(session, input, id) : std::optional(text::not_login_yet);
  if (!refused) return;
  CThostFtdcRspInfoField info = info_of(*refused);
  tell_trader(link, [input, info, id](auto& spi) mutable { spi.OnRspOrderInsert(&input, &info, id, true); });
  if (session.user != nullptr)
    private_return(*session.user, [input, info](auto& spi) mutable { spi.OnErrRtnOrderInsert(&input, &info); });
}

void Front::cancel_order(Link& link, const CThostFtdcInputOrderActionField& request, int id) {
  CThostFtdcInputOrderActionField input = request;
  input.RequestID = id;
  const Session& session = link.peer.session;
  const std::optional<Error> refused =
      link.peer.logged_in ? desk_.cancel(session, input) : std::optional(text::not_login_yet);
  if (!refused) return;
  CThostFtdcRspInfoField info = info_of(*refused);
  tell_trader(link, [input, info, id](auto& spi) mutable { spi.OnRspOrderAction(&input, &info, id, true); });
  if (session.user == nullptr) return;
  CThostFtdcOrderActionField action = action_of(input);
  put(action.StatusMsg, refused->text);
  action.OrderActionStatus = 'c';  // rejected
  private_return(*session.user, [action, info](auto& spi) mutable { spi.OnErrRtnOrderAction(&action, &info); });
}

void Front::refuse(Link& link, std::function<void(const Spis&, CThostFtdcRspInfoField&)> answer) {
  link.post([answer = std::move(answer), info = info_of(text::unsupported)](const Spis& spis) mutable {
    answer(spis, info);
  });
}

// Snapshots as fast as they are taken, made on the link's own thread; Turnover bears the time of sending in
// nanoseconds of the machine's monotonic clock, so that latency can be measured.
bool Front::flood(std::string_view instrument, std::int64_t count, std::int64_t interval_ns) {
  const std::scoped_lock lock(mutex_);
  const Listing* listing = desk_.find(instrument);
  if (listing == nullptr) return false;
  for (Link* link : listing->subscribers) {
    link->post([this, link, epoch = link->epoch(), count, interval_ns,
                tick = listing->snapshot(time_.now(), time_.trading_day())](const Spis& spis) mutable {
      using Clock = std::chrono::steady_clock;
      const auto now_ns = [] { return std::chrono::nanoseconds(Clock::now().time_since_epoch()).count(); };
      const std::int64_t began = now_ns();
      for (std::int64_t sent = 0; sent < count && link->epoch() == epoch; ++sent) {
        while (interval_ns > 0 && now_ns() < began + sent * interval_ns) continue;
        tick.Volume += 1;
        tick.UpdateMillisec = static_cast<int>(sent % 1000);
        tick.Turnover = static_cast<double>(now_ns());
        if (spis.market != nullptr) spis.market->OnRtnDepthMarketData(&tick);
      }
      flood_ns_ = now_ns() - began;
    });
  }
  return true;
}

}  // namespace tidewire::ctp_sim
