#include "acme/order.h"

#include "acme/client.h"
#include "acme/identifier.h"
#include "base/error.h"
#include "base/log.h"
#include "net/json.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace everseal::acme {
namespace {

using base::Error;
using base::Fault;

constexpr auto kStatus = std::to_array<std::pair<std::string_view, OrderStatus>>({
    {"pending", OrderStatus::pending},
    {"ready", OrderStatus::ready},
    {"processing", OrderStatus::processing},
    {"valid", OrderStatus::valid},
    {"invalid", OrderStatus::invalid},
});

OrderStatus parse_status(const std::string& text) {
  for (const auto& [name, status] : kStatus)
    if (name == text) return status;
  throw Error(Fault::invalid,
              fmt::format("the order has the unknown status '{}'", base::printable(text.substr(0, 40))));
}

// Of what refused an order, that which `replaces` may have caused: the CA has another successor already, or does not
// know the certificate. Only these are asked again without it.
bool may_be_due_to_replaces(const Problem& problem) {
  return problem.is("alreadyReplaced") || problem.is("malformed") || problem.is("serverInternal") ||
         problem.is("unauthorized") || problem.status == 404 || problem.status == 409;
}

std::string order_json(const NewOrder& wanted, std::string_view replaces) {
  std::string json;
  for (const pki::Identifier& identifier : wanted.identifiers)
    json += (json.empty() ? "" : ",") + identifier_json(identifier);
  json = fmt::format(R"({{"identifiers":[{}])", json);
  if (!wanted.profile.empty()) json += fmt::format(R"(,"profile":{})", base::json_string(wanted.profile));
  if (!replaces.empty()) json += fmt::format(R"(,"replaces":{})", base::json_string(replaces));
  return json + "}";
}

void check_profile(const Directory& directory, const std::string& profile) {
  if (profile.empty() || directory.profiles.contains(profile)) return;
  std::string offered;
  for (const auto& [name, description] : directory.profiles)
    offered += (offered.empty() ? "" : ", ") + base::printable(name);
  throw Error(Fault::config, fmt::format("the CA does not offer the profile {}", base::printable(profile)),
              offered.empty() ? "it offers none: remove `profile`" : fmt::format("it offers {}", offered));
}

}  // namespace

std::string_view to_string(OrderStatus status) noexcept {
  for (const auto& [name, one] : kStatus)
    if (one == status) return name;
  return "";
}

Order parse_order(const std::string& url, std::string_view json) {
  const base::Table table = net::parse_json_object(json, "the order");
  Order order{.url = url, .status = parse_status(net::text_at(table, "status"))};
  order.expires = net::time_at(table, "expires");
  for (const base::Table& identifier : net::objects_at(table, "identifiers"))
    order.identifiers.push_back(parse_identifier(identifier));
  order.authorizations = net::texts_at(table, "authorizations");
  order.finalize = net::text_at(table, "finalize");
  order.certificate = net::text_at(table, "certificate");
  if (const base::Table* const error = net::object_at(table, "error")) order.error = to_problem(*error);
  if (order.finalize.empty()) throw Error(Fault::invalid, "the order has no finalize URL");
  if (order.status == OrderStatus::valid && order.certificate.empty())
    throw Error(Fault::invalid, "the order is valid and has no certificate URL");
  return order;
}

bool same_identifiers(const std::vector<pki::Identifier>& a, const std::vector<pki::Identifier>& b) {
  auto left = a, right = b;
  std::ranges::sort(left);
  std::ranges::sort(right);
  return left == right;
}

Order place_order(Client& client, const Account& account, const NewOrder& wanted, std::stop_token stop) {
  const Directory directory = client.directory(stop);
  check_profile(directory, wanted.profile);
  const Identity identity{account.key, account.url};
  Reply reply = client.post(identity, directory.new_order, order_json(wanted, wanted.replaces), stop);
  if (reply.problem && !wanted.replaces.empty() && may_be_due_to_replaces(*reply.problem)) {
    base::log::info("ordering without `replaces`: {}", to_string(*reply.problem));
    reply = client.post(identity, directory.new_order, order_json(wanted, {}), stop);
  }
  const Answer& answer = reply.require("place the order");
  if (answer.location.empty()) throw Error(Fault::invalid, "the CA did not say where the order is (no Location)");
  if (!answer.location.starts_with("https://"))
    throw Error(Fault::invalid,
                fmt::format("the CA says the order is at {}, which is no https URL", base::printable(answer.location)));
  Order order = parse_order(answer.location, answer.body);
  if (!same_identifiers(order.identifiers, wanted.identifiers))
    throw Error(Fault::invalid,
                fmt::format("the CA made an order for other names: {}", pki::to_string(order.identifiers)));
  return order;
}

std::optional<FetchedOrder> fetch_order(Client& client, const Account& account, const std::string& url,
                                        std::stop_token stop) {
  const Reply reply = client.fetch({account.key, account.url}, url, stop);
  const int status = reply.answer.status;
  if (reply.problem && (status == 404 || status == 410)) return std::nullopt;
  const Answer& answer = reply.require("order");
  return FetchedOrder{parse_order(url, answer.body), answer.retry_after};
}

}  // namespace everseal::acme
