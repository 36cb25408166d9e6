// A CA that speaks ACME (RFC 8555).
#include "acme/obtain.h"
#include "acme/renewal_info.h"
#include "acme/revoke.h"
#include "base/error.h"
#include "base/log.h"
#include "inventory/orders.h"
#include "issuer/acme_ca.h"
#include "issuer/issuer.h"
#include "issuer/methods.h"
#include "issuer/shared.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::issuer {
namespace {

using base::Error;
using base::Fault;
using inventory::OrderRecord;

// The journal of one version's order, in the inventory.
class Journal final : public acme::OrderJournal {
 public:
  Journal(inventory::Store& store, OrderRecord order, const std::function<base::Time()>& clock)
      : store_(store), order_(std::move(order)), clock_(clock) {}

  void intended() override {
    order_.created = clock_();
    put("intended", inventory::Durability::deferred);  // the version's own intent is durable
  }
  void placed(const acme::Order& order) override { put(order, inventory::Durability::on_return); }
  // Who has the order's URL can ask the CA.
  void changed(const acme::Order& order) override { put(order, inventory::Durability::deferred); }

 private:
  void put(const acme::Order& order, inventory::Durability durability) {
    order_.url = order.url;
    order_.expires = order.expires;
    put(acme::to_string(order.status), durability);
  }
  void put(std::string_view status, inventory::Durability durability) {
    order_.status = status;
    order_.changed = clock_();
    store_.transaction([&] { inventory::Orders(store_).put(order_); }, durability);
  }

  inventory::Store& store_;
  OrderRecord order_;
  const std::function<base::Time()>& clock_;
};

// Of an order that leads to nothing that is kept.
class NoJournal final : public acme::OrderJournal {
 public:
  void intended() override {}
  void placed(const acme::Order&) override {}
  void changed(const acme::Order&) override {}
};

// Tells what the CA's clock showed, however the work ends.
class PeerTime {
 public:
  explicit PeerTime(const AcmeCa& ca) : ca_(ca) {}
  ~PeerTime() {
    try {
      ca_.tell_peer_time();
    } catch (const Error& error) {
      base::log::debug("the time at the CA is not kept: {}", error.message());
    }
  }
  PeerTime(const PeerTime&) = delete;
  PeerTime& operator=(const PeerTime&) = delete;

 private:
  const AcmeCa& ca_;
};

class AcmeIssuer final : public Issuer {
 public:
  AcmeIssuer(const Name& name, const base::Options& options, const Surroundings& surroundings)
      : name_(name),
        options_(options),
        surroundings_(surroundings),
        ca_(name, options_, surroundings_),
        methods_(methods_of(options_, surroundings.challenges)) {}

  Issued issue(const Request& request, base::Time now, std::stop_token stop) override {
    const PeerTime peer_time(ca_);
    const acme::Account& account = our_account(stop);
    acme::OrderRequest wanted = order_request(request);
    if (request.replaces) wanted.order.replaces = acme::certificate_id(*request.replaces);
    inventory::Orders orders(surroundings_.store);
    OrderRecord order{.name = request.managed,
                      .version = request.version,
                      .issuer = name_,
                      .directory = ca_.directory_url(),
                      .account = account.url,
                      .profile = wanted.order.profile,
                      .url = {},
                      .status = {},
                      .expires = {},
                      .created = now,
                      .changed = now};
    if (const auto open = orders.find(request.managed, request.version); open && can_become(*open, order)) {
      wanted.open_order = open->url;
      order.created = open->created;
    }
    Journal journal(surroundings_.store, std::move(order), surroundings_.clock);
    const auto solver = challenge::make_solver(methods_, surroundings_.shared.responder());
    acme::Obtained obtained = naming(name_, [&] {
      return acme::obtain(ca_.client(), account, wanted, journal, *solver, surroundings_.clock, request.tell, stop);
    });
    ca_.remember_directory();
    if (request.lifetime) obtained.warnings.emplace_back("the CA chooses the lifetime; `lifetime` is not used");
    return {std::move(obtained.chain), std::move(obtained.warnings)};
  }

  GivenUp give_up(const Name& managed, int version, std::stop_token stop) override {
    const auto open = inventory::Orders(surroundings_.store).find(managed, version);
    const auto ours = ca_.known_account();
    if (!open || open->url.empty() || open->directory != ca_.directory_url() || !ours || ours->url != open->account)
      return GivenUp::yes;  // what we cannot ask about ends by itself
    const PeerTime peer_time(ca_);
    const acme::Account& account = our_account(stop);
    const auto found = naming(name_, [&] { return acme::fetch_order(ca_.client(), account, open->url, stop); });
    if (!found) return GivenUp::yes;
    const acme::OrderStatus status = found->order.status;
    if (status == acme::OrderStatus::processing || status == acme::OrderStatus::valid) {
      Journal(surroundings_.store, *open, surroundings_.clock).changed(found->order);
      return GivenUp::is_signed;
    }
    acme::abandon_order(ca_.client(), account, found->order, stop);
    return GivenUp::yes;
  }

  void revoke(const Revocation& revocation, base::Time, std::stop_token stop) override {
    const PeerTime peer_time(ca_);
    const auto ask = [&](const acme::Identity& identity) {
      const acme::Revoked revoked = naming(name_, [&] {
        return acme::revoke_certificate(ca_.client(), identity, revocation.certificate, revocation.reason, stop);
      });
      if (revoked == acme::Revoked::before && revocation.earlier)
        throw Error(
            Fault::denied,
            fmt::format("{} has it revoked already and keeps the reason {}", name_, to_string(*revocation.earlier)),
            "only the CA's operator can change that");
    };
    try {
      const acme::Account& account = our_account(stop);
      ask({account.key, account.url});
    } catch (const Error& error) {
      // Another account may have ordered it; who holds its key may revoke it all the same, and prove that others hold
      // it.
      if (!revocation.key || (error.fault() != Fault::denied && error.fault() != Fault::not_found)) throw;
      ask({*revocation.key, ""});
    }
  }

  RenewalInfo renewal_info(const pki::Certificate& certificate, base::Time now, std::stop_token stop) override {
    const PeerTime peer_time(ca_);
    const acme::RenewalAnswer answer =
        naming(name_, [&] { return acme::fetch_renewal_info(ca_.client(), certificate, now, stop); });
    ca_.remember_directory();
    RenewalInfo info{std::nullopt, answer.ask_again};
    if (answer.info) info.window = {answer.info->start, answer.info->end, answer.info->explanation};
    return info;
  }

  std::string rehearse(const Request& request, base::Time, std::stop_token stop) override {
    if (!options_.has("staging")) {
      const inventory::AccountRecord account = naming(name_, [&] {
        auto known = ca_.known_account() ? ca_.refresh_account(stop) : inventory::AccountRecord{};
        ca_.client().directory(stop);
        ca_.client().require_same_clock();
        return known;
      });
      return account.url.empty()
                 ? "the CA answers; an account would be registered; nothing was ordered"
                 : fmt::format("the CA answers; our account is {}; nothing was ordered", account.status);
    }
    AcmeCa staging(name_, options_, surroundings_, AcmeEndpoint::staging);
    const acme::Account account = naming(name_, [&] { return staging.account(stop); });
    NoJournal journal;
    const auto solver = challenge::make_solver(methods_, surroundings_.shared.responder());
    const acme::Obtained obtained = naming(name_, [&] {
      return acme::obtain(staging.client(), account, order_request(request), journal, *solver, surroundings_.clock,
                          request.tell, stop);
    });
    return fmt::format("the staging CA issued serial {}", obtained.chain.front().serial());
  }

 private:
  const acme::Account& our_account(std::stop_token stop) {
    return naming(name_, [&]() -> const acme::Account& { return ca_.account(stop); });
  }

  acme::OrderRequest order_request(const Request& request) const {
    acme::OrderRequest wanted;
    wanted.order.identifiers = request.identifiers;
    wanted.order.profile = request.profile.value_or(options_.string("profile"));
    wanted.csr = request.csr;
    wanted.preferred_chain = options_.string("preferred_chain");
    return wanted;
  }

  // Can `open` still give what `wanted` asks for?
  static bool can_become(const OrderRecord& open, const OrderRecord& wanted) {
    const bool has_ended =
        open.url.empty() || open.status == "invalid" || (open.expires && *open.expires < wanted.created);
    return !has_ended && open.directory == wanted.directory && open.account == wanted.account &&
           open.profile == wanted.profile;
  }

  Name name_;
  base::Options options_;
  Surroundings surroundings_;
  AcmeCa ca_;
  std::vector<challenge::Method> methods_;
};

std::unique_ptr<Issuer> open_acme(const Name& name, const base::Options& options, const Surroundings& surroundings) {
  return std::make_unique<AcmeIssuer>(name, options, surroundings);
}

}  // namespace

extern const Kind acme_kind;
const Kind acme_kind{kAcme,
                     "a CA that speaks ACME: Let's Encrypt, ZeroSSL, step-ca, ...",
                     acme_options(),
                     open_acme,
                     RenewalInformation::offered,
                     check_acme_options};

}  // namespace everseal::issuer
