#include "reconcile/verbs/ca_sign.h"

#include "base/error.h"
#include "inventory/clock.h"
#include "reconcile/access.h"
#include "reconcile/fields.h"
#include "reconcile/kinds.h"
#include "reconcile/reconcile.h"
#include "reconcile/session.h"

#include <algorithm>
#include <utility>

namespace everseal::reconcile {
namespace {

constexpr std::size_t kGroup = 256;  // signed and committed together

struct Group {
  std::vector<std::size_t> indexes;  // of `requests`
  std::vector<authority::Request> requests;
};

Group read_group(const CaSignRequest& request, std::size_t begin, const TellSigned& tell) {
  Group group;
  for (std::size_t i = begin; i < std::min(request.count, begin + kGroup); ++i) {
    try {
      group.requests.push_back({.profile = request.profile,
                                .key = pki::Csr::parse(request.csr(i)),
                                .identifiers = {},
                                .subject = {},
                                .lifetime = request.lifetime,
                                .binding = std::nullopt});
      group.indexes.push_back(i);
    } catch (const base::Error& error) {
      tell(i, std::unexpected(error));
    }
  }
  return group;
}

SignedCsr signed_csr(const authority::Authority& authority, authority::Signed made) {
  std::string chain;
  for (const pki::Certificate& certificate : authority::full_chain(authority, made.leaf)) chain += certificate.pem();
  return {std::move(made.leaf), std::move(chain), std::move(made.warnings)};
}

}  // namespace

void ca_sign(const Host& host, const CaSignRequest& request, const TellSigned& tell) {
  inventory::Store store = open_store(host, sql::Access::read_write);
  base::Problems problems;  // of other tables: what concerns this authority is refused when it is opened
  const config::Config config = read_config(host.files, store, problems);
  Session session(host, config, store);
  inventory::require_trusted_clock(store, host.clock(), host.build_date, host.machine());
  authority::Authority& authority = session.authority(request.authority);
  for (std::size_t begin = 0; begin < request.count; begin += kGroup) {
    if (host.stop.stop_requested()) throw base::Error(base::Fault::cancelled, "stopped before all were signed");
    const Group group = read_group(request, begin, tell);
    std::vector<authority::SignResult> results = authority::sign_many(authority, group.requests, host.clock());
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (results[i])
        tell(group.indexes[i], signed_csr(authority, std::move(*results[i])));
      else
        tell(group.indexes[i], std::unexpected(std::move(results[i].error())));
    }
  }
  tell_heads(host, store);
}

namespace {

constexpr base::Option kCaSignFields[] = {
    {.name = "name", .summary = "the authority", .required = true},
    {.name = "profile", .summary = "server (default), client, peer, or one of the config", .fallback = "server"},
    {.name = "lifetime", .type = base::OptionType::duration, .summary = "how long they live"},
};

}  // namespace

CaSignRequest ca_sign_request(const base::Options& fields) {
  return {.authority = name_in(fields, "name", "authority name"),
          .profile = name_in(fields, "profile", "profile"),
          .lifetime = fields.duration("lifetime"),
          .count = 0,
          .csr = {}};
}

const Verb ca_sign_verb{"ca sign", 1, Needs::store, "sign CSRs, one or thousands", kCaSignFields, nullptr};

}  // namespace everseal::reconcile
