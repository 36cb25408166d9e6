#include "acme/renewal_info.h"

#include "acme/client.h"
#include "base/error.h"
#include "net/json.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

namespace everseal::acme {
namespace {

using base::Error;
using base::Fault;

constexpr base::Seconds kSoonest = std::chrono::minutes(1);
constexpr base::Seconds kLatest = std::chrono::days(1);
constexpr base::Seconds kUnsaid = std::chrono::hours(6);

// The content octets of the INTEGER: a leading 00 where the number would be negative without.
base::Bytes serial_octets(const pki::Certificate& certificate) {
  auto octets = base::from_hex(certificate.serial());
  if (!octets || octets->empty())
    throw Error(Fault::invalid, "a certificate with a negative serial number has no renewal information");
  if ((octets->front() & 0x80) != 0) octets->insert(octets->begin(), 0);
  return *octets;
}

}  // namespace

std::string certificate_id(const pki::Certificate& certificate) {
  const base::Bytes key_id = certificate.authority_key_id();
  if (key_id.empty()) return {};
  return fmt::format("{}.{}", base::base64url(key_id), base::base64url(serial_octets(certificate)));
}

RenewalInfo parse_renewal_info(std::string_view json) {
  const base::Table table = net::parse_json_object(json, "the renewal information");
  const base::Table* const window = net::object_at(table, "suggestedWindow");
  if (window == nullptr) throw Error(Fault::invalid, "the renewal information has no suggestedWindow");
  const auto start = net::time_at(*window, "start"), end = net::time_at(*window, "end");
  if (!start || !end) throw Error(Fault::invalid, "the window of the renewal information is not two times");
  if (*end <= *start)
    throw Error(Fault::invalid, fmt::format("the window of the renewal information ends {}, not after its start {}",
                                            base::format_time(*end), base::format_time(*start)));
  return {*start, *end, base::Untrusted(net::text_at(table, "explanationURL").substr(0, 1000))};
}

RenewalAnswer fetch_renewal_info(Client& client, const pki::Certificate& certificate, base::Time now,
                                 std::stop_token stop) {
  std::string url = client.directory(stop).renewal_info;
  const std::string id = certificate_id(certificate);
  if (url.empty() || id.empty()) return {std::nullopt, now + kLatest};
  if (!url.ends_with('/')) url += '/';
  const Reply reply = client.get(url + id, stop);
  const Answer& answer = reply.require("renewal information");
  const base::Time wanted = answer.retry_after.value_or(now + kUnsaid);
  return {parse_renewal_info(answer.body), std::clamp(wanted, now + kSoonest, now + kLatest)};
}

}  // namespace everseal::acme
