#include "archive/archive.h"
#include "base/error.h"
#include "base/reprint.h"
#include "command.h"
#include "config_problems.h"
#include "inventory/certificates.h"
#include "inventory/managed.h"
#include "inventory/orders.h"
#include "inventory/places.h"
#include "inventory/subjects.h"
#include "reconcile/access.h"
#include "reconcile/desired.h"
#include "reconcile/named.h"
#include "reconcile/obstacles.h"
#include "reconcile/overview.h"
#include "reconcile/session.h"
#include "requests.h"
#include "terminal.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace everseal::cli {
namespace {

using Json = nlohmann::ordered_json;
using inventory::CertificateRecord;

constexpr Argument kShowArguments[] = {
    {.name = "NAME",
     .summary =
         "a managed certificate's name, a name that it speaks for, a serial, or a fingerprint (8 digits or more)",
     .required = true}};

Json text_or_null(std::string_view text) { return text.empty() ? Json() : Json(text); }
Json time_or_null(const std::optional<base::Time>& time) { return time ? Json(base::format_time(*time)) : Json(); }

// The names exactly as the certificate has them.
Json identifiers_of(inventory::Certificates& certificates, const CertificateRecord& record) {
  auto names = Json::array();
  const auto der = certificates.der(record.fingerprint);
  if (!der) return names;
  const pki::Certificate certificate = pki::Certificate::parse(*der);
  for (const pki::GeneralName& name : certificate.names()) names.push_back(name.value.raw());
  return names;
}

// The places that show it first, then those that did.
Json seen_at(inventory::Store& store, const pki::Fingerprint& certificate) {
  constexpr int kMostPlaces = 100;
  auto places = Json::array();
  for (const auto& [place, sighting] : inventory::Places(store).of(certificate, kMostPlaces)) {
    const bool still = !sighting.last_seen && !place.gone;
    places.push_back({{"place", place.name.raw()},
                      {"address", text_or_null(place.address)},
                      {"environment", text_or_null(place.environment)},
                      {"from", base::format_time(sighting.first_seen)},
                      {"until", base::format_time(sighting.last_seen.value_or(place.last_look))},
                      {"still_there", still}});
  }
  return places;
}

Json json_of(inventory::Store& store, const CertificateRecord& record, base::Time now) {
  inventory::Certificates certificates(store);
  return {{"fingerprint", record.fingerprint.text()},
          {"serial", record.serial},
          {"state", reconcile::state_of(record, now)},
          {"managed", record.managed ? Json(record.managed->text()) : Json()},
          {"version", record.version ? Json(*record.version) : Json()},
          {"subject", record.subject.raw()},
          {"issuer_dn", record.issuer.raw()},
          {"identifiers", identifiers_of(certificates, record)},
          {"not_before", base::format_time(record.not_before)},
          {"not_after", base::format_time(record.not_after)},
          {"key", record.key},
          {"ca", record.is_ca},
          {"revoked_at", time_or_null(record.revoked_at)},
          {"reason", record.revocation_reason ? Json(to_string(*record.revocation_reason)) : Json()},
          {"first_seen", base::format_time(record.first_seen)},
          {"seen_at", seen_at(store, record.fingerprint)}};
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
          {"explanation", text_or_null(info.explanation.raw())},
          {"ask_again", base::format_time(info.ask_again)},
          {"problem", text_or_null(info.problem)}};
}

// When the version in use is renewed, and who says so.
Json renewal_of(inventory::Store& store, const reconcile::ManagedCertificate& managed) {
  if (!managed.renew_at || !managed.in_use || managed.record.origin == reconcile::kOnce || managed.record.orphaned)
    return {};
  const auto info =
      managed.in_use->certificate ? inventory::RenewalInfos(store).find(*managed.in_use->certificate) : std::nullopt;
  const bool asked = info && info->renew_at == managed.renew_at;
  return {{"at", base::format_time(*managed.renew_at)},
          {"decided_by", asked ? "issuer" : "lifetime"},
          {"explanation", asked ? text_or_null(info->explanation.raw()) : Json()}};
}

// "whole", "damaged" or "gone"; null of one that is being made, and where the disk does not say.
Json place_of(const inventory::VersionRecord& version, const std::optional<archive::Standing>& standing) {
  if (!standing || version.state == inventory::VersionState::pending) return {};
  return !standing->exists ? "gone" : standing->complete ? "whole" : "damaged";
}

std::optional<archive::Standing> standing_of(const std::string& state, const inventory::VersionRecord& version) {
  try {
    return archive::standing_of(state, version.name, version.number);
  } catch (const base::Error&) {
    return std::nullopt;
  }
}

Json json_of(inventory::Store& store, const std::string& state, const inventory::VersionRecord& version,
             base::Time now) {
  inventory::Certificates certificates(store);
  const auto standing = standing_of(state, version);
  const bool is_pending = version.state == inventory::VersionState::pending;
  Json one{{"version", version.number},
           {"state", to_string(version.state)},
           {"issuer", version.issuer.text()},
           {"has_key", version.has_key && (is_pending || !standing || standing->has_key)},
           {"on_disk", place_of(version, standing)},
           {"imported_from", text_or_null(version.imported_from)}};
  if (const auto order = inventory::Orders(store).find(version.name, version.number)) one["order"] = json_of(*order);
  if (!version.certificate) return one;
  if (const auto info = inventory::RenewalInfos(store).find(*version.certificate)) one["renewal_info"] = json_of(*info);
  if (const auto record = certificates.find(*version.certificate)) one["certificate"] = json_of(store, *record, now);
  return one;
}

Json json_of(const inventory::DeploymentRecord& deployment) {
  return {{"target", deployment.target.text()},
          {"state", to_string(deployment.state)},
          {"version", deployment.version},
          {"current", deployment.current ? Json(*deployment.current) : Json()},
          {"served", to_string(deployment.after)},
          {"problem", text_or_null(deployment.problem)},
          {"reload_problem", text_or_null(deployment.reload_problem)},
          {"attempts", deployment.attempts},
          {"retry_at", time_or_null(deployment.not_before)}};
}

// What is due is due now.
Json next_look(inventory::Store& store, const base::Name& name, base::Time now) {
  const auto look = inventory::Subjects(store).look_again(inventory::certificate_subject(name));
  return look ? Json(base::format_time(std::max(*look, now))) : Json();
}

// One document; text output is rendered from the same, with what is wrong in the config as warnings.
struct Found {
  Json document;
  base::Problems problems{};
};

Found of_managed(const reconcile::Host& host, inventory::Store& store, const inventory::ManagedRecord& record) {
  const base::Time now = host.clock();
  const reconcile::Untaken untaken = reconcile::look_at_config(host, store);
  Found found{{}, reconcile::problems_for(untaken.problems, {record.name})};
  const reconcile::ManagedCertificate managed = reconcile::managed_certificate(host, store, record, untaken);
  Json& document = found.document;
  document = {{"name", record.name.text()},
              {"state", to_string(managed.state.state)},
              {"needs_attention", managed.state.attention == plan::Attention::needed},
              {"why", text_or_null(managed.state.why)},
              {"expires", time_or_null(managed.in_use ? managed.in_use->not_after : std::nullopt)},
              {"renewal", renewal_of(store, managed)},
              {"look_again", next_look(store, record.name, now)},
              {"origin", record.origin},
              {"orphaned", record.orphaned},
              {"pinned", record.pinned ? Json(*record.pinned) : Json()},
              {"live", fmt::format("{}/live/{}", host.state, record.name)},
              {"problems", Json::parse(problems_in_json(found.problems))},
              {"requests", Json::parse(requests_in_json(inventory::Intents(store).open_for(record.name)))},
              {"deployments", Json::array()},
              {"failures", Json::array()},
              {"obstacles", Json::array()},
              {"versions", Json::array()},
              {"wanted", Json::parse(record.spec, nullptr, false)}};
  for (const inventory::DeploymentRecord& deployment : managed.deployments)
    document["deployments"].push_back(json_of(deployment));
  for (const inventory::AttemptRecord& attempt : managed.attempts) {
    const auto version = version_of(attempt);
    document["failures"].push_back({{"step", attempt.step},
                                    {"target", version ? Json() : text_or_null(attempt.target)},
                                    {"version", version ? Json(*version) : Json()},
                                    {"count", attempt.count},
                                    {"problem", attempt.problem},
                                    {"fault", text_or_null(attempt.fault)},
                                    {"needs_operator", attempt.needs_operator},
                                    {"retry_at", time_or_null(attempt.not_before)}});
  }
  if (managed.wanted && !record.orphaned && record.origin != reconcile::kOnce)
    for (const reconcile::Obstacle& obstacle : reconcile::obstacles_of(host, store, *managed.wanted))
      document["obstacles"].push_back({{"rule", obstacle.rule},
                                       {"name", obstacle.name},
                                       {"severity", obstacle.severity},
                                       {"what", obstacle.what},
                                       {"remedy", obstacle.remedy},
                                       {"seen", base::format_time(obstacle.seen)}});
  for (const inventory::VersionRecord& version : inventory::Versions(store).of(record.name))
    document["versions"].push_back(json_of(store, host.state, version, now));
  return found;
}

// For people: the words of the members whose names are none.
std::string_view label_of(std::string_view key) {
  struct Label {
    std::string_view key;
    std::string_view text;
  };
  static constexpr Label labels[] = {{"look_again", "next look"},
                                     {"needs_attention", "needs attention"},
                                     {"origin", "defined in"},
                                     {"pinned", "held at version"},
                                     {"live", "files"},
                                     {"wanted", "the config says"},
                                     {"connect", "verified at"},
                                     {"issuer_dn", "signed by"},
                                     {"not_before", "valid from"},
                                     {"not_after", "valid until"},
                                     {"has_key", "key is here"},
                                     {"on_disk", "in the archive"},
                                     {"imported_from", "imported from"},
                                     {"revoked_at", "revoked"},
                                     {"first_seen", "first seen"},
                                     {"seen_at", "seen at"},
                                     {"still_there", "still there"},
                                     {"reload_problem", "reload"},
                                     {"retry_at", "tried again"},
                                     {"renewal_info", "the CA's word on its renewal"},
                                     {"ask_again", "asked again"},
                                     {"asked_at", "asked for"},
                                     {"asked_by", "by"},
                                     {"decided_by", "decided by"},
                                     {"rule", "keeps the next renewal from succeeding:"},
                                     {"seen", "asked last"},
                                     {"kind", "asked for:"}};
  const auto* const found = std::ranges::find(labels, key, &Label::key);
  return found == std::end(labels) ? key : found->text;
}

std::string shown(const Json& value) {
  if (value.is_boolean()) return value == true ? "yes" : "no";
  return base::reprinted(value.is_string() ? value.get<std::string>()
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
    if (!is_block(value) && !says_nothing(value)) width = std::max(width, label_of(key).size());
  for (const auto& [key, value] : object.items()) {
    if (says_nothing(value)) continue;
    if (value.is_object()) {
      heading(std::string(label_of(key)));
      append(out, value, indent + 2);
    } else if (is_block(value)) {
      for (Json one : value) {
        const auto first = one.begin();
        heading(fmt::format("{} {}", label_of(first.key()), shown(first.value())));
        one.erase(first);
        append(out, one, indent + 2);
      }
    } else {
      std::string joined;
      if (value.is_array())
        for (const Json& one : value) joined += (joined.empty() ? "" : ", ") + shown(one);
      const std::size_t column = indent + width + 2;
      out += fmt::format("{:{}}{:<{}}  {}\n", "", indent, label_of(key), width,
                         flowed(value.is_array() ? joined : shown(value), {column, column}, Stream::output));
    }
  }
}

bool is_hex(std::string_view digits) {
  return !digits.empty() && digits.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// By the beginning of its fingerprint, or its serial as programs write it: colons, 0x and leading zeros do not matter.
std::vector<CertificateRecord> find_by_digits(inventory::Certificates& certificates, const std::string& text) {
  std::string digits = base::lower(text);
  std::erase(digits, ':');
  std::vector<CertificateRecord> found;
  if (digits.size() >= 8 && digits.size() <= 2 * sizeof(pki::Sha256) && is_hex(digits))
    found = certificates.find_by_prefix(digits);
  if (const auto serial = pki::parse_serial(text); serial && found.empty())
    found = certificates.find_by_serial(*serial);
  return found;
}

// Those that speak for a name, unexpired; the managed ones alone where there are any.
std::vector<CertificateRecord> find_by_name(const reconcile::Host& host, inventory::Store& store,
                                            const std::string& name) {
  const base::Time now = host.clock();
  std::vector<CertificateRecord> managed;
  std::vector<CertificateRecord> seen;
  inventory::CertificateFilter filter;
  filter.now = now;
  filter.name = name;
  filter.limit = 100;
  inventory::Certificates(store).each(filter, [&](const CertificateRecord& record) {
    if (record.version_state == inventory::VersionState::live)
      managed.push_back(record);
    else if (!record.managed)
      seen.push_back(record);
  });
  if (!managed.empty() || !seen.empty()) return managed.empty() ? seen : managed;
  const std::string wildcard = "*" + base::lower(name.substr(std::min(name.find('.'), name.size())));
  for (const reconcile::ManagedCertificate& one : reconcile::overview(host, store).certificates) {
    if (!one.certificate || one.certificate->not_after <= now) continue;
    const std::vector<std::string> names = inventory::names_of(*one.certificate);
    if (std::ranges::find(names, wildcard) != names.end()) managed.push_back(*one.certificate);
  }
  return managed;
}

// The commands that show each of them, or the first of many.
std::string commands_for(const std::vector<CertificateRecord>& found) {
  constexpr std::size_t kMost = 5;
  std::string commands;
  for (const CertificateRecord& one : std::span(found).first(std::min(found.size(), kMost)))
    commands += fmt::format("{}`everseal show {}`", commands.empty() ? "" : ", ",
                            one.managed && one.version_state == inventory::VersionState::live
                                ? one.managed->text()
                                : one.fingerprint.text().substr(0, 16));
  return commands + (found.size() > kMost ? ", ..." : "");
}

Found find(const reconcile::Host& host, inventory::Store& store, const std::string& text) {
  const base::Time now = host.clock();
  if (base::Name::is_valid(text))
    if (const auto managed = inventory::Managed(store).find(base::Name::parse(text)))
      return of_managed(host, store, *managed);
  inventory::Certificates certificates(store);
  const std::vector<CertificateRecord> found = find_by_digits(certificates, text);
  if (found.size() > 1)
    throw base::Error(base::Fault::usage, fmt::format("several certificates begin with {}", base::printable(text)),
                      commands_for(found));
  if (found.size() == 1) return {{{"certificate", json_of(store, found.front(), now)}}};
  const std::vector<CertificateRecord> speaking = find_by_name(host, store, text);
  if (speaking.size() > 1)
    throw base::Error(base::Fault::usage,
                      fmt::format("{} certificates speak for {}", speaking.size(), base::printable(text)),
                      commands_for(speaking));
  if (speaking.size() == 1 && speaking.front().managed)
    if (const auto managed = inventory::Managed(store).find(*speaking.front().managed))
      return of_managed(host, store, *managed);
  if (speaking.size() == 1) return {{{"certificate", json_of(store, speaking.front(), now)}}};
  if (base::Name::is_valid(text)) reconcile::require_managed(host, store, base::Name::parse(text));
  throw base::Error(base::Fault::not_found, fmt::format("there is no certificate {}", base::printable(text)),
                    "`everseal list --all` shows all");
}

int run_show(Context& context) {
  const reconcile::Host host = context.host();
  inventory::Store store = reconcile::open_store(host, sql::Access::read_only);
  auto [document, problems] = find(host, store, *context.arguments.one("NAME"));
  if (context.output == Output::json) {
    print_document(document.dump(2, ' ', true, Json::error_handler_t::replace) + "\n");
  } else {
    document.erase("problems");
    std::string out;
    append(out, document, 0);
    print(out);
    warn_of(problems);
    warn_of_not_read(host);
  }
  return 0;
}

}  // namespace

extern const Command show_command;
const Command show_command{"show",
                           Group::inventory,
                           "show all that is known of a certificate",
                           "  everseal show www\n  everseal show www.example.org\n  everseal show 4f9a3c21",
                           kShowArguments,
                           run_show};

}  // namespace everseal::cli
