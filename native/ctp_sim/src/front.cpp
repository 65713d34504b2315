#include "front.hpp"

#include <algorithm>
#include <utility>

#include "registry.hpp"
#include "tables.hpp"
#include "text.hpp"

namespace tidewire::ctp_sim {
namespace {

constexpr Millis between_steps = 500, before_reconnect = second;
constexpr int read_failed = 0x1001, heartbeat_timed_out = 0x2001;
constexpr int heartbeat_warning_s = 61, heartbeat_limit_s = 121;

}  // namespace

Front::Front(Options options)
    : options_(std::move(options)),
      time_(options_.start),
      desk_(time_, *this, faults_),
      random_(options_.seed, "sessions"),
      next_step_(options_.start),
      anchor_(options_.start),
      anchor_at_(std::chrono::steady_clock::now()) {
  desk_.keeps_hours = options_.keeps_hours;
  if (options_.lists_products)
    for (const Terms& terms : listed_on(time_.trading_day())) desk_.list(terms, options_.seed, options_.walks);
  publish_status();
}

std::shared_ptr<Front> Front::open(Options options) {
  Registry& registry = Registry::the();
  const std::scoped_lock lock(registry.mutex);
  const std::uint64_t handle = ++registry.handles;
  if (options.address.empty()) options.address = "tcp://127.0.0.1:" + std::to_string(20000 + handle);
  if (registry.by_address.contains(options.address)) return nullptr;
  const std::shared_ptr<Front> front(new Front(std::move(options)));
  front->handle_ = handle;
  registry.by_address[front->address()] = registry.by_handle[handle] = front;
  return front;
}

void Front::close() {
  {
    Registry& registry = Registry::the();
    const std::scoped_lock lock(registry.mutex);
    registry.by_handle.erase(handle_);
    std::erase_if(registry.by_address, [this](const auto& entry) { return entry.second.get() == this; });
  }
  const std::scoped_lock lock(mutex_);
  closed_ = true;
  for (const auto& link : std::exchange(links_, {})) {
    unsubscribe_all(*link);
    link->peer = {};
    link->forget_front();
    link->lose_connection(read_failed);
  }
}

bool Front::attach(const std::shared_ptr<Link>& link, const std::string& address) {
  const std::scoped_lock lock(mutex_);
  if (closed_ || !listening_) return false;
  link->peer.front_address = address;
  connect(link);
  return true;
}

void Front::detach(Link& link) {
  const std::scoped_lock lock(mutex_);
  unsubscribe_all(link);
  link.peer = {};
  std::erase_if(links_, [&link](const auto& other) { return other.get() == &link; });
}

// Nobody connected means that nothing happens: simulated time stands still meanwhile.
void Front::connect(const std::shared_ptr<Link>& link) {
  if (links_.empty()) {
    anchor_ = time_.now();
    anchor_at_ = std::chrono::steady_clock::now();
  }
  link->peer.reset(true);
  links_.push_back(link);
  if (!faults_.handshakes.empty()) {
    CThostFtdcRspInfoField info = info_of(error_of(faults_.handshakes.front()));
    faults_.handshakes.pop_front();
    return link->post(
        [info](const Spis& spis) mutable { spis.any([&](auto& spi) { spi.OnRspError(&info, 0, true); }); });
  }
  link->post([](const Spis& spis) { spis.any([](auto& spi) { spi.OnFrontConnected(); }); });
}

void Front::reconnect_later(const std::shared_ptr<Link>& link) {
  time_.at(time_.now() + before_reconnect, [this, waiting = std::weak_ptr<Link>(link)] {
    const std::shared_ptr<Link> again = waiting.lock();
    if (!again || again->epoch() == 0) return;
    if (listening_) return connect(again);
    again->forget_front();  // it looks for any front that is there
  });
}

void Front::drop(const std::shared_ptr<Link>& link, int reason) {
  unsubscribe_all(*link);
  link->peer.reset(false);
  std::erase(links_, link);
  link->lose_connection(reason);
  reconnect_later(link);
}

void Front::unsubscribe_all(Link& link) {
  for (Listing* listing : link.peer.subscribed) std::erase(listing->subscribers, &link);
  link.peer.subscribed.clear();
}

int Front::serve(Link& link, Lane lane, const std::function<void(Front&, Link&)>& make) {
  const std::scoped_lock lock(mutex_);
  catch_up();
  if (!link.peer.connected) return not_connected;
  if (!faults_.returns.empty() && lane != Lane::peek) {
    const int code = faults_.returns.front();
    faults_.returns.pop_front();
    return code;
  }
  if (lane == Lane::query) {
    if (const int code = flow_control(link); code != 0) return code;
    link.begin_query();
  }
  make(*this, link);
  return 0;
}

int Front::flow_control(Link& link) {
  if (link.query_in_flight()) return too_many_in_flight;
  std::deque<Millis>& made = link.peer.queries;
  while (!made.empty() && made.front() <= time_.now() - second) made.pop_front();
  if (static_cast<int>(made.size()) >= options_.query_rate) return too_many_a_second;
  made.push_back(time_.now());
  return 0;
}

std::chrono::steady_clock::time_point Front::pulse() {
  using namespace std::chrono;
  const std::scoped_lock lock(mutex_);
  catch_up();
  if (options_.speed <= 0 || closed_) return steady_clock::now() + hours(1);
  const Millis next = std::min(next_step_, time_.next().value_or(next_step_));
  const duration<double, std::milli> real(static_cast<double>(next - anchor_) / options_.speed);
  return std::max(anchor_at_ + duration_cast<steady_clock::duration>(real), steady_clock::now() + milliseconds(1));
}

void Front::catch_up() {
  using namespace std::chrono;
  // A link that waits to reconnect needs time to pass too.
  if (options_.speed <= 0 || closed_ || (links_.empty() && !time_.next())) return;
  const duration<double, std::milli> elapsed = steady_clock::now() - anchor_at_;
  run_to(anchor_ + static_cast<Millis>(elapsed.count() * options_.speed));
}

void Front::run_to(Millis target) {
  while (true) {
    const std::optional<Millis> event = time_.next();
    if (event && *event <= std::min(target, next_step_)) {
      time_.run_next();
    } else if (next_step_ <= target) {
      time_.move_to(next_step_);
      next_step_ += between_steps;
      step();
    } else {
      return time_.move_to(target);
    }
  }
}

void Front::step() {
  desk_.step();
  if (options_.keeps_hours) publish_status();
}

void Front::publish_status() {
  for (const Listing& listing : desk_.listings()) {
    const std::string product(text_of(listing.terms.field.ProductID));
    char& known = statuses_[product];
    const char status = desk_.is_closed(listing) ? '1' : '2';  // no trading, continuous
    if (known == status) continue;
    known = status;
    CThostFtdcInstrumentStatusField field{};
    put(field.ExchangeID, listing.exchange());
    put(field.InstrumentID, product);
    put(field.ExchangeInstID, product);
    put(field.EnterTime, clock_text(time_.now()));
    field.InstrumentStatus = status;
    field.TradingSegmentSN = 1;
    field.EnterReason = '1';  // automatically
    public_flow_.push_back(std::make_shared<const Return>(
        [field](CThostFtdcTraderSpi& spi) mutable { spi.OnRtnInstrumentStatus(&field); }));
    for (const auto& link : links_)
      if (link->peer.logged_in && link->kind() == Kind::trader && link->wants(Series::public_flow))
        send(*link, Series::public_flow, static_cast<std::uint32_t>(public_flow_.size()));
  }
}

void Front::private_return(User& user, Return what) {
  user.flow.push_back(std::make_shared<const Return>(std::move(what)));
  for (const auto& link : links_)
    if (link->peer.logged_in && link->kind() == Kind::trader && link->peer.session.user == &user)
      send(*link, Series::private_flow, static_cast<std::uint32_t>(user.flow.size()));
}

void Front::tick(Listing& listing, const CThostFtdcDepthMarketDataField& tick) {
  for (Link* link : listing.subscribers)
    link->post([tick = CThostFtdcDepthMarketDataField(tick)](const Spis& spis) mutable {
      if (spis.market != nullptr) spis.market->OnRtnDepthMarketData(&tick);
    });
}

std::uint16_t Front::phase() const {
  return static_cast<std::uint16_t>(time_.trading_day().time_since_epoch().count());
}

void Front::send(Link& link, Series series, std::uint32_t number) {
  const Flow& flow = series == Series::private_flow ? link.peer.session.user->flow : public_flow_;
  const auto to_trader = [what = flow[number - 1]](const Spis& spis) {
    if (spis.trader != nullptr) (*what)(*spis.trader);
  };
  link.post({to_trader, false, series, phase(), number});
}

void Front::send_flow(Link& link, Series series, std::uint32_t from) {
  const Flow& flow = series == Series::private_flow ? link.peer.session.user->flow : public_flow_;
  for (auto number = from + 1; number <= flow.size(); ++number) send(link, series, number);
}

void Front::advance(Millis by) {
  const std::scoped_lock lock(mutex_);
  run_to(time_.now() + by);
}

void Front::settle(std::optional<Millis> start) {
  const std::scoped_lock lock(mutex_);
  const Day next = next_weekday(time_.trading_day());
  constexpr Millis morning = 9 * 3600 * second;
  for (const auto& link : std::vector(links_)) drop(link, read_failed);
  desk_.settle();
  for (auto& [id, user] : users_) {
    user->ledger.settle();
    user->flow.clear();
    user->confirmed = false;
    user->max_order_ref = 0;
  }
  public_flow_.clear();
  statuses_.clear();
  time_.begin_day(start.value_or(next.time_since_epoch().count() * day_length + morning));
  anchor_ = next_step_ = time_.now();
  anchor_at_ = std::chrono::steady_clock::now();
  publish_status();
}

void Front::disconnect(int reason, std::string_view who) {
  const std::scoped_lock lock(mutex_);
  for (const auto& link : std::vector(links_)) {
    const User* user = link->peer.session.user;
    if (who.empty() || (user != nullptr && user->credentials.user == who)) drop(link, reason);
  }
}

// Nothing comes from the front, not even heart-beats.
void Front::silence(Millis length) {
  const std::scoped_lock lock(mutex_);
  for (const auto& link : links_) {
    link->hold(true);
    const auto later = [&](Millis after, auto act) {
      time_.at(time_.now() + after, [this, act, waiting = std::weak_ptr<Link>(link), epoch = link->epoch()] {
        const std::shared_ptr<Link> still = waiting.lock();
        if (still && still->epoch() == epoch && epoch != 0) act(still);
      });
    };
    if (length >= heartbeat_warning_s * second)
      later(heartbeat_warning_s * second, [](const auto& still) {
        still->post_local(
            [](const Spis& spis) { spis.any([](auto& spi) { spi.OnHeartBeatWarning(heartbeat_warning_s); }); });
      });
    if (length >= heartbeat_limit_s * second)
      later(heartbeat_limit_s * second, [this](const auto& still) { drop(still, heartbeat_timed_out); });
    else
      later(length, [](const auto& still) { still->hold(false); });
  }
}

void Front::listen(bool open) {
  const std::scoped_lock lock(mutex_);
  listening_ = open;
}

bool Front::add_user(Credentials credentials, double balance) {
  const std::scoped_lock lock(mutex_);
  open_door_ = false;
  if (credentials.user.empty() || users_.contains(credentials.user)) return false;
  std::string id = credentials.user;
  users_[std::move(id)] = std::make_unique<User>(std::move(credentials), balance);
  return true;
}

User* Front::user(std::string_view id) {
  const auto found = users_.find(id);
  return found == users_.end() ? nullptr : found->second.get();
}

bool Front::add_listing(const Terms& terms) {
  const std::scoped_lock lock(mutex_);
  if (desk_.find(text_of(terms.field.InstrumentID)) != nullptr) return false;
  desk_.list(terms, options_.seed, options_.walks);
  publish_status();
  return true;
}

bool Front::feed(const CThostFtdcDepthMarketDataField& tick, Millis due) {
  const std::scoped_lock lock(mutex_);
  Listing* listing = desk_.find(text_of(tick.InstrumentID));
  if (listing == nullptr) return false;
  listing->feed({due, tick});
  return true;
}

bool Front::drain(std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  std::vector<std::shared_ptr<Link>> links;
  {
    const std::scoped_lock lock(mutex_);
    links = links_;
  }
  return std::ranges::all_of(links, [&](const auto& link) { return !link->on_own_thread() && link->drain(deadline); });
}

}  // namespace tidewire::ctp_sim
