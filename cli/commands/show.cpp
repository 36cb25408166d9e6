#include "base/error.h"
#include "command.h"
#include "inventory/authorities.h"
#include "inventory/certificates.h"
#include "inventory/managed.h"
#include "inventory/orders.h"
#include "inventory/subjects.h"
#include "plan/certificate.h"
#include "reconcile/kinds.h"
#include "reconcile/named.h"
#include "reconcile/session.h"
#include "terminal.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace everseal::cli {
namespace {

using Json = nlohmann::ordered_json;
using inventory::CertificateRecord;

constexpr Argument kArguments[] = {
    {.name = "NAME", .summary = "a managed certificate's name, or a fingerprint (8 digits or more)", .required = true}};

Json time_or_null(const std::optional<base::Time>& time) { return time ? Json(base::format_time(*time)) : Json(); }

Json json_of(const CertificateRecord& record) {
  return {{"fingerprint", record.fingerprint.text()},
          {"serial", record.serial},
          {"subject", record.subject.raw()},
          {"issuer_dn", record.issuer.raw()},
          {"identifiers", record.names.raw()},
          {"not_before", base::format_time(record.not_before)},
          {"not_after", base::format_time(record.not_after)},
          {"key", record.key},
          {"ca", record.is_ca},
          {"revoked_at", time_or_null(record.revoked_at)},
          {"first_seen", base::format_time(record.first_seen)}};
}

Json json_of(const inventory::OrderRecord& order) {
  return {{"url", order.url},
          {"status", order.status},
          {"account", order.account},
          {"profile", order.profile},
          {"expires", time_or_null(order.expires)},
          {"created", base::format_time(order.created)}};
}

Json json_of(const inventory::RenewalInfoRecord& info) {
  return {{"start", time_or_null(info.start)},
          {"end", time_or_null(info.end)},
          {"renew_at", time_or_null(info.renew_at)},
          {"explanation", info.explanation.raw()},
          {"ask_again", base::format_time(info.ask_again)},
          {"problem", info.problem}};
}

// What was found, as one JSON document; text output is rendered from the same.
Json of_managed(inventory::Store& store, const inventory::ManagedRecord& managed, const std::string& state) {
  Json document{{"name", managed.name.text()},
                {"origin", managed.origin},
                {"orphaned", managed.orphaned},
                {"pinned", managed.pinned ? Json(*managed.pinned) : Json()},
                {"look_again", time_or_null(inventory::Subjects(store).look_again(inventory::certificate_subject(managed.name)))},
                {"live", fmt::format("{}/live/{}", state, managed.name)},
                {"wanted", Json::parse(managed.spec, nullptr, false)},
                {"unverified", ""},
                {"versions", Json::array()},
                {"deployments", Json::array()},
                {"failures", Json::array()}};
  inventory::Certificates certificates(store);
  std::string imported_from;
  for (const inventory::VersionRecord& version : inventory::Versions(store).of(managed.name)) {
    if (imported_from.empty()) imported_from = version.imported_from;
    Json one{{"version", version.number},       {"state", to_string(version.state)},
             {"issuer", version.issuer.text()}, {"renew_at", time_or_null(version.renew_at)},
             {"has_key", version.has_key},      {"imported_from", version.imported_from}};
    if (const auto order = inventory::Orders(store).find(managed.name, version.number)) one["order"] = json_of(*order);
    if (version.certificate) {
      if (const auto info = inventory::RenewalInfos(store).find(*version.certificate))
        one["renewal_info"] = json_of(*info);
      if (const auto record = certificates.find(*version.certificate)) one["certificate"] = json_of(*record);
    }
    document["versions"].push_back(std::move(one));
  }
  const config::Certificate wanted = config::from_normal_form(managed.spec, reconcile::config_kinds({}));
  document["unverified"] = plan::unproved(wanted, imported_from).value_or("");
  for (const inventory::DeploymentRecord& deployment :
       inventory::Deployments(store).of(inventory::ArtifactKind::version, managed.name))
    document["deployments"].push_back({{"target", deployment.target.text()},
                                       {"state", to_string(deployment.state)},
                                       {"version", deployment.version},
                                       {"current", deployment.current ? Json(*deployment.current) : Json()},
                                       {"served", to_string(deployment.after)},
                                       {"problem", deployment.problem},
                                       {"reload_problem", deployment.reload_problem},
                                       {"attempts", deployment.attempts},
                                       {"not_before", time_or_null(deployment.not_before)}});
  for (const inventory::AttemptRecord& attempt : inventory::Attempts(store).of(reconcile::subject_of(managed.name)))
    document["failures"].push_back({{"step", attempt.step},
                                    {"target", attempt.target},
                                    {"count", attempt.count},
                                    {"problem", attempt.problem},
                                    {"not_before", time_or_null(attempt.not_before)}});
  return document;
}

std::string text_of(const Json& value) {
  return base::printable(value.is_string() ? value.get<std::string>()
                                           : value.dump(-1, ' ', false, Json::error_handler_t::replace));
}

bool is_block(const Json& value) {
  return value.is_object() || (value.is_array() && !value.empty() && value.front().is_object());
}

bool says_nothing(const Json& value) {
  return value.is_null() || value == "" || value == false || (value.is_structured() && value.empty());
}

// Members as lines; objects below a heading of their own, those of an array below their first member ("version  2").
void append(std::string& out, const Json& object, std::size_t indent) {
  const auto heading = [&](const std::string& text) {
    out += fmt::format("{:{}}{}\n", "", indent, styled(text, Style::bold, Stream::output));
  };
  std::size_t width = 0;
  for (const auto& [key, value] : object.items())
    if (!is_block(value) && !says_nothing(value)) width = std::max(width, key.size());
  for (const auto& [key, value] : object.items()) {
    if (says_nothing(value)) continue;
    if (value.is_object()) {
      heading(key);
      append(out, value, indent + 2);
    } else if (is_block(value)) {
      for (Json one : value) {
        const auto first = one.begin();
        heading(fmt::format("{} {}", first.key(), text_of(first.value())));
        one.erase(first);
        append(out, one, indent + 2);
      }
    } else {
      std::string joined;
      if (value.is_array())
        for (const Json& one : value) joined += (joined.empty() ? "" : ", ") + text_of(one);
      const std::size_t column = indent + width + 2;
      out += fmt::format("{:{}}{:<{}}  {}\n", "", indent, key, width,
                         flowed(value.is_array() ? joined : text_of(value), {column, column}, Stream::output));
    }
  }
}

Json find(inventory::Store& store, const std::string& text, const std::string& state) {
  if (base::Name::is_valid(text))
    if (const auto managed = inventory::Managed(store).find(base::Name::parse(text)))
      return of_managed(store, *managed, state);
  inventory::Certificates certificates(store);
  std::vector<CertificateRecord> found;
  std::string digits = base::lower(text);
  std::erase(digits, ':');
  if (digits.size() >= 8 && digits.find_first_not_of("0123456789abcdef") == std::string::npos) {
    if (digits.size() <= 2 * sizeof(pki::Sha256)) found = certificates.find_by_prefix(digits);
  }
  if (const auto serial = pki::parse_serial(text); serial && found.empty()) found = certificates.find_by_serial(*serial);
  if (found.size() > 1)
    throw base::Error(base::Fault::usage, fmt::format("several certificates begin with {}", base::printable(text)),
                      "give more of its digits");
  if (found.size() == 1) return json_of(found.front());
  if (base::Name::is_valid(text)) reconcile::require_managed(store, base::Name::parse(text));
  throw base::Error(base::Fault::not_found, fmt::format("there is no certificate {}", base::printable(text)),
                    "`everseal list --all` shows all");
}

int run(Context& context) {
  const reconcile::Host host = context.host();
  inventory::Store store = inventory::Store::open(host.state, sql::Access::read_only, host.clock());
  const Json document = find(store, *context.arguments.one("NAME"), host.state);
  if (context.output == Output::json) {
    print(document.dump(2, ' ', true, Json::error_handler_t::replace) + "\n");
  } else {
    std::string out;
    append(out, document, 0);
    print(out);
  }
  return 0;
}

}  // namespace

extern const Command show_command;
const Command show_command{"show",
                           Group::inventory,
                           "show all that is known of a certificate",
                           "  everseal show www\n  everseal show 4f9a3c21",
                           kArguments,
                           run};

}  // namespace everseal::cli
