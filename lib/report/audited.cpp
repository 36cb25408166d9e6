#include "report/audited.h"

#include "report/require.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace everseal::report {

using inventory::CertificateRecord;

namespace {

template <class Concerns>
std::string_view gravest_where(const AuditedPlace& place, const Concerns& concerns) noexcept {
  std::string_view found;
  for (const AuditedFinding& one : place.findings)
    if (counts(one) && concerns(one.finding.rule) && gravity(one.finding.severity) > gravity(found))
      found = one.finding.severity;
  return found;
}

}  // namespace

Tone tone_of(std::string_view severity) noexcept {
  return gravity(severity) >= gravity("error") ? Tone::bad : severity == "warning" ? Tone::warning : Tone::plain;
}

std::string_view gravest(const AuditedPlace& place) noexcept {
  return gravest_where(place, [](std::string_view) { return true; });
}

std::string_view gravest_of_ends(const AuditedPlace& place) noexcept {
  return gravest_where(place,
                       [](std::string_view rule) { return rule.ends_with("expired") || rule.ends_with("expiring"); });
}

const CertificateRecord* leaf_of(const AuditedPlace& place) noexcept {
  if (place.certificates.empty()) return nullptr;
  if (place.probe.leaf) {
    const auto found = std::ranges::find(place.certificates, *place.probe.leaf, &CertificateRecord::fingerprint);
    if (found != place.certificates.end()) return &*found;
  }
  return place.place.kind == inventory::PlaceKind::endpoint ? &place.certificates.front() : nullptr;
}

const CertificateRecord* main_certificate(const AuditedPlace& place) noexcept {
  if (place.certificates.empty()) return nullptr;
  if (const CertificateRecord* const leaf = leaf_of(place)) return leaf;
  return &*std::ranges::min_element(place.certificates, {}, &CertificateRecord::not_after);
}

std::optional<base::Time> earliest_end(const AuditedPlace& place) noexcept {
  if (place.certificates.empty()) return std::nullopt;
  return std::ranges::min(place.certificates, {}, &CertificateRecord::not_after).not_after;
}

double life_left(const CertificateRecord& certificate, base::Time now) noexcept {
  const auto life = static_cast<double>((certificate.not_after - certificate.not_before).count());
  if (now >= certificate.not_after || life <= 0) return 0;
  return std::min(1.0, static_cast<double>((certificate.not_after - now).count()) / life);
}

std::string time_left(base::Time end, base::Time now) {
  return base::approximate(end - now) + (end < now ? " ago" : "");
}

std::vector<std::pair<std::string, std::string>> labels_of(const AuditedPlace& place) {
  std::vector<std::pair<std::string, std::string>> labels;
  const auto object = nlohmann::json::parse(place.place.labels, nullptr, false);
  if (object.is_object())
    for (const auto& [key, value] : object.items())
      labels.emplace_back(key, value.is_string() ? value.get<std::string>() : value.dump());
  return labels;
}

std::vector<OfferPart> parts_of(const AuditedOffer& offer) {
  std::vector<OfferPart> parts;
  const auto list = [&](std::string_view name, const std::vector<std::string>& all, std::string_view behind = {}) {
    if (!all.empty()) parts.push_back({name, base::join(all, ", ") + std::string(behind)});
  };
  list("versions", offer.versions);
  list("ciphers", offer.ciphers,
       !offer.server_order   ? ""
       : *offer.server_order ? " (in the server's order)"
                             : " (the client chooses among those of TLS 1.2)");
  list("groups", offer.groups);
  std::vector<std::string> does;
  const auto tell = [&](const std::optional<bool>& told, std::string_view yes, std::string_view no) {
    if (told) does.emplace_back(*told ? yes : no);
  };
  tell(offer.resumes, "resumes sessions", "resumes no session");
  tell(offer.post_quantum, "takes X25519MLKEM768", "takes no X25519MLKEM768");
  tell(offer.split_hello, "answers a split ClientHello", "answers no split ClientHello");
  tell(offer.large_hello, "answers a large one", "answers no large one");
  if (const auto& strict = offer.strict_transport)
    does.push_back(strict->raw().empty() ? "sends no Strict-Transport-Security"
                                         : "sends Strict-Transport-Security: " + strict->raw());
  if (!offer.is_whole) does.emplace_back("left some questions unanswered, so that there may be more");
  list("does", does);
  return parts;
}

NameParts name_parts(std::string_view distinguished_name) {
  NameParts parts;
  std::string part;
  const auto take = [&] {
    const auto begin = std::min(part.find_first_not_of(' '), part.size());
    const std::string_view rest = std::string_view(part).substr(begin);
    if (rest.starts_with("CN=") && parts.common.empty()) parts.common = rest.substr(3);
    if (rest.starts_with("O=") && parts.organization.empty()) parts.organization = rest.substr(2);
    part.clear();
  };
  for (std::size_t i = 0; i < distinguished_name.size(); ++i) {
    const char c = distinguished_name[i];
    if (c == ',' || c == '+')
      take();
    else if (c == '\\' && i + 1 < distinguished_name.size())
      part += distinguished_name[++i];
    else
      part += c;
  }
  take();
  return parts;
}

std::string short_name(std::string_view distinguished_name) {
  const NameParts parts = name_parts(distinguished_name);
  if (!parts.common.empty()) return parts.common;
  return parts.organization.empty() ? std::string(distinguished_name) : parts.organization;
}

std::string counted(std::int64_t count, std::string_view singular, std::string_view plural) {
  return fmt::format("{} {}", count, count == 1 ? singular : plural);
}

AuditedRules::AuditedRules(std::span<const AuditedRule> rules) {
  for (const AuditedRule& rule : rules) rules_.emplace(rule.id, rule);
}

const AuditedRule* AuditedRules::find(std::string_view id) const noexcept {
  const auto found = rules_.find(id);
  return found == rules_.end() ? nullptr : &found->second;
}

bool AuditedRules::is_failure(const AuditedFinding& finding) const noexcept {
  const AuditedRule* const rule = find(finding.finding.rule);
  return rule != nullptr && rule->nature == AuditedRule::Nature::failure;
}

std::string_view AuditedRules::state_of(const AuditedPlace& place) const noexcept {
  const auto failed = [&](const AuditedFinding& one) { return counts(one) && is_failure(one); };
  if (std::ranges::any_of(place.findings, failed)) return "failed";
  const std::string_view worst = gravest(place);
  if (gravity(worst) > gravity("notice")) return worst;
  return place.findings.empty() || !worst.empty() ? "ok" : "known";
}

std::string AuditedRules::identity(const AuditedPlace& place, const AuditedFinding& finding) const {
  const AuditedRule* const rule = find(finding.finding.rule);
  const bool is_of_certificate =
      finding.finding.certificate && (rule == nullptr || rule->identity == AuditedRule::Identity::certificate);
  return fmt::format("{}\n{}\n{}", finding.finding.rule, place.place.text(),
                     is_of_certificate ? finding.finding.certificate->text() : std::string());
}

const AuditKind& require_audit_kind(std::string_view name) { return require_among(audit_kinds(), name); }

}  // namespace everseal::report
