// The vendor's two classes and their four exported names. What is not simulated here is refused by the generated bases.
#include <memory>
#include <mutex>
#include <vector>

#include "ctp_refusals.hpp"
#include "front.hpp"
#include "log.hpp"
#include "text.hpp"

namespace tidewire::ctp_sim {
namespace {

constexpr const char* version = "v6.7.11_SIM tidewire";

// Callers may pass null where the vendor's library would read it and die.
template <class Field>
Field copy_of(const Field* field) {
  return field != nullptr ? *field : Field{};
}

class Api {
 protected:
  Api(Kind kind, const char* flow_path) : link_(std::make_shared<Link>(kind, flow_path != nullptr ? flow_path : "")) {}
  ~Api() = default;

  template <class Field>
  int request(void (Front::*serve)(Link&, const Field&, int), const Field* field, int id) {
    return link_->request(Lane::request, [&](Front& front, Link& link) { (front.*serve)(link, copy_of(field), id); });
  }

  template <class Spi>
  int refused(const char* method, int id, void (*refusal)(Spi&, CThostFtdcRspInfoField&, int)) {
    log(std::string(method) + " is not simulated");
    if (refusal == nullptr) return -1;
    return link_->request(Lane::request, [=](Front& front, Link& link) {
      front.refuse(link, [=](const Spis& spis, CThostFtdcRspInfoField& info) {
        if constexpr (std::is_same_v<Spi, CThostFtdcMdSpi>) {
          if (spis.market != nullptr) refusal(*spis.market, info, id);
        } else {
          if (spis.trader != nullptr) refusal(*spis.trader, info, id);
        }
      });
    });
  }

  void register_front(const char* address) {
    const std::string_view text = address != nullptr ? address : "";
    if (text.find("://") == std::string_view::npos)
      log("Invalid location: a front's address reads tcp://host:port; the vendor's library dies of this");
    link_->register_front(std::string(text));
  }

  const std::shared_ptr<Link> link_;
};

class Market final : public RefusingMarket, private Api {
 public:
  explicit Market(const char* flow_path) : Api(Kind::market, flow_path) {}

  void Release() override { link_->release(); }
  void Init() override { link_->init(); }
  int Join() override { return link_->join(); }
  const char* GetTradingDay() override { return link_->trading_day(); }
  void RegisterFront(char* address) override { register_front(address); }
  void RegisterNameServer(char*) override { log("name servers are not simulated"); }
  void RegisterFensUserInfo(CThostFtdcFensUserInfoField*) override { log("name servers are not simulated"); }
  void RegisterSpi(CThostFtdcMdSpi* spi) override { link_->register_spi({spi, nullptr}); }
  int SubscribeMarketData(char** names, int count) override { return subscribe(names, count, true); }
  int UnSubscribeMarketData(char** names, int count) override { return subscribe(names, count, false); }
  int ReqUserLogin(CThostFtdcReqUserLoginField* field, int id) override { return request(&Front::login, field, id); }
  int ReqUserLogout(CThostFtdcUserLogoutField* field, int id) override { return request(&Front::logout, field, id); }

 private:
  int refuse(const char* method, int id, Refusal refusal) override { return refused(method, id, refusal); }
  int subscribe(char** names, int count, bool wanted) {
    if (names == nullptr || count <= 0) return 0;
    return link_->request(Lane::request, [&](Front& front, Link& link) {
      front.subscribe(link, {names, static_cast<std::size_t>(count)}, wanted);
    });
  }
};

class Trader final : public RefusingTrader, private Api {
  using Spi = CThostFtdcTraderSpi;

 public:
  explicit Trader(const char* flow_path) : Api(Kind::trader, flow_path) {}

  void Release() override { link_->release(); }
  void Init() override { link_->init(); }
  int Join() override { return link_->join(); }
  const char* GetTradingDay() override { return link_->trading_day(); }
  void RegisterFront(char* address) override { register_front(address); }
  void RegisterNameServer(char*) override { log("name servers are not simulated"); }
  void RegisterFensUserInfo(CThostFtdcFensUserInfoField*) override { log("name servers are not simulated"); }
  void RegisterSpi(CThostFtdcTraderSpi* spi) override { link_->register_spi({nullptr, spi}); }
  void SubscribePrivateTopic(THOST_TE_RESUME_TYPE mode) override {
    // NONE is for the public flow alone.
    link_->subscribe(Series::private_flow, mode == THOST_TERT_NONE ? THOST_TERT_QUICK : mode);
  }
  void SubscribePublicTopic(THOST_TE_RESUME_TYPE mode) override { link_->subscribe(Series::public_flow, mode); }
  void GetFrontInfo(CThostFtdcFrontInfoField* info) override {
    if (info == nullptr) return;
    *info = {};
    link_->request(Lane::peek, [info](Front& front, Link& link) {
      if (!link.peer.logged_in) return;
      put(info->FrontAddr, link.peer.front_address);
      info->QryFreq = front.query_rate();
      info->FTDPkgFreq = 0;  // unlimited
    });
  }

  int ReqAuthenticate(CThostFtdcReqAuthenticateField* field, int id) override {
    return request(&Front::authenticate, field, id);
  }
  int ReqUserLogin(CThostFtdcReqUserLoginField* field, int id) override { return request(&Front::login, field, id); }
  int ReqUserLogout(CThostFtdcUserLogoutField* field, int id) override { return request(&Front::logout, field, id); }
  int ReqUserPasswordUpdate(CThostFtdcUserPasswordUpdateField* field, int id) override {
    return request(&Front::change_password, field, id);
  }
  int ReqSettlementInfoConfirm(CThostFtdcSettlementInfoConfirmField* field, int id) override {
    return request(&Front::confirm_settlement, field, id);
  }
  int ReqOrderInsert(CThostFtdcInputOrderField* field, int id) override {
    return request(&Front::insert_order, field, id);
  }
  int ReqOrderAction(CThostFtdcInputOrderActionField* field, int id) override {
    return request(&Front::cancel_order, field, id);
  }

  int ReqQryInstrument(CThostFtdcQryInstrumentField* wanted, int id) override {
    return query(wanted, id, &Front::instruments, &Spi::OnRspQryInstrument);
  }
  int ReqQryProduct(CThostFtdcQryProductField* wanted, int id) override {
    return query(wanted, id, &Front::products, &Spi::OnRspQryProduct);
  }
  int ReqQryExchange(CThostFtdcQryExchangeField* wanted, int id) override {
    return query(wanted, id, &Front::exchanges, &Spi::OnRspQryExchange);
  }
  int ReqQryOrder(CThostFtdcQryOrderField* wanted, int id) override {
    return query(wanted, id, &Front::orders, &Spi::OnRspQryOrder);
  }
  int ReqQryTrade(CThostFtdcQryTradeField* wanted, int id) override {
    return query(wanted, id, &Front::trades, &Spi::OnRspQryTrade);
  }
  int ReqQryInvestorPosition(CThostFtdcQryInvestorPositionField* wanted, int id) override {
    return query(wanted, id, &Front::positions, &Spi::OnRspQryInvestorPosition);
  }
  int ReqQryInvestorPositionDetail(CThostFtdcQryInvestorPositionDetailField* wanted, int id) override {
    return query(wanted, id, &Front::position_details, &Spi::OnRspQryInvestorPositionDetail);
  }
  int ReqQryTradingAccount(CThostFtdcQryTradingAccountField* wanted, int id) override {
    return query(wanted, id, &Front::accounts, &Spi::OnRspQryTradingAccount);
  }
  int ReqQryInstrumentMarginRate(CThostFtdcQryInstrumentMarginRateField* wanted, int id) override {
    return query(wanted, id, &Front::margin_rates, &Spi::OnRspQryInstrumentMarginRate);
  }
  int ReqQryInstrumentCommissionRate(CThostFtdcQryInstrumentCommissionRateField* wanted, int id) override {
    return query(wanted, id, &Front::fee_rates, &Spi::OnRspQryInstrumentCommissionRate);
  }
  int ReqQryDepthMarketData(CThostFtdcQryDepthMarketDataField* wanted, int id) override {
    return query(wanted, id, &Front::market_data, &Spi::OnRspQryDepthMarketData);
  }
  int ReqQrySettlementInfo(CThostFtdcQrySettlementInfoField* wanted, int id) override {
    return query(wanted, id, &Front::settlements, &Spi::OnRspQrySettlementInfo);
  }
  int ReqQrySettlementInfoConfirm(CThostFtdcQrySettlementInfoConfirmField* wanted, int id) override {
    return query(wanted, id, &Front::confirmations, &Spi::OnRspQrySettlementInfoConfirm);
  }
  int ReqQryInvestor(CThostFtdcQryInvestorField* wanted, int id) override {
    return query(wanted, id, &Front::investors, &Spi::OnRspQryInvestor);
  }
  int ReqQryTradingCode(CThostFtdcQryTradingCodeField* wanted, int id) override {
    return query(wanted, id, &Front::trading_codes, &Spi::OnRspQryTradingCode);
  }
  int ReqQryMaxOrderVolume(CThostFtdcQryMaxOrderVolumeField* wanted, int id) override {
    return query(wanted, id, &Front::most_to_order, &Spi::OnRspQryMaxOrderVolume);
  }

 private:
  int refuse(const char* method, int id, Refusal refusal) override { return refused(method, id, refusal); }
  template <class Query, class Row>
  int query(const Query* wanted, int id, Front::Rows<Query, Row> rows, Front::Answer<Row> answer) {
    return link_->request(Lane::query, [&](Front& front, Link& link) {
      front.query<Query, Row>(link, copy_of(wanted), id, rows, answer);
    });
  }
};

// API objects are kept for good, so that a second Release or a call after it finds something to say no.
template <class Made>
Made* keep(const char* flow_path) {
  static std::mutex& mutex = *new std::mutex;
  static std::vector<Made*>& made = *new std::vector<Made*>;
  const std::scoped_lock lock(mutex);
  return made.emplace_back(new Made(flow_path));
}

}  // namespace
}  // namespace tidewire::ctp_sim

CThostFtdcMdApi* CThostFtdcMdApi::CreateFtdcMdApi(const char* flow_path, bool, bool, bool) {
  return tidewire::ctp_sim::keep<tidewire::ctp_sim::Market>(flow_path);
}
const char* CThostFtdcMdApi::GetApiVersion() { return tidewire::ctp_sim::version; }

CThostFtdcTraderApi* CThostFtdcTraderApi::CreateFtdcTraderApi(const char* flow_path, bool) {
  return tidewire::ctp_sim::keep<tidewire::ctp_sim::Trader>(flow_path);
}
const char* CThostFtdcTraderApi::GetApiVersion() { return tidewire::ctp_sim::version; }
