#include "base/text.h"
#include "inspect/endpoint.h"
#include "inspect/show.h"
#include "report/audit_json.h"
#include "report/json.h"

namespace everseal::cli {
namespace {

using report::JsonWriter;

void write_found(JsonWriter& json, const std::vector<FoundHere>& found) {
  json.key("findings").begin_array();
  for (const FoundHere& one : found) {
    json.begin_object();
    write_finding(json, one.finding);
    json.key("acknowledged_until")
        .value(one.acknowledgement ? std::optional(one.acknowledgement->until) : std::nullopt);
    json.end_object();
  }
  json.end_array();
}

void write_stores(JsonWriter& json, const scan::Judged& judged) {
  json.key("stores").begin_array();
  for (const pki::StoreVerdict& one : judged.trust ? judged.trust->stores : std::vector<pki::StoreVerdict>()) {
    json.begin_object().key("store").text(one.store);
    json.key("trusts").boolean(one.trusted).key("valid").boolean(one.valid).key("problem").text_or_null(one.problem);
    json.key("missing").text_or_null(one.missing.raw());
    json.end_object();
  }
  json.end_array();
}

void write_version(JsonWriter& json, std::string_view key, const std::optional<KnownVersion>& version) {
  json.key(key);
  if (!version) {
    json.null();
    return;
  }
  json.begin_object().key("name").text(version->name.text()).key("version").number(version->number);
  json.key("ends").time(version->ends).key("on_disk").boolean(version->on_disk).end_object();
}

void write_timings(JsonWriter& json, const probe::Capture& capture) {
  const auto write = [&](std::string_view key, probe::Phase phase, std::chrono::microseconds time) {
    json.key(key);
    capture.phase >= phase&& time.count() > 0 ? json.number(time.count()) : json.null();
  };
  json.key("timings_us").begin_object();
  write("resolve", probe::Phase::resolve, capture.resolve_time);
  write("connect", probe::Phase::connect, capture.connect_time);
  write("proxy", probe::Phase::proxy, capture.proxy_time);
  write("starttls", probe::Phase::starttls, capture.starttls_time);
  write("handshake", probe::Phase::handshake, capture.handshake_time);
  json.end_object();
}

void write_address(JsonWriter& json, const InspectedEndpoint& endpoint, const SeenAddress& seen) {
  const probe::Capture& capture = seen.capture;
  json.begin_object().key("address").text_or_null(capture.address);
  json.key("outcome")
      .text(to_string(capture.outcome))
      .key("phase")
      .text(to_string(capture.phase))
      .key("problem")
      .text_or_null(capture.problem);
  json.key("client_agrees").value(seen.client_agrees(endpoint.wanted));
  json.key("tls_version").text_or_null(capture.tls_version);
  json.key("cipher").text_or_null(capture.cipher);
  json.key("group").text_or_null(capture.group);
  json.key("alpn").text_or_null(capture.alpn.raw());
  json.key("client_certificate")
      .text(capture.client_certificate_required    ? "required"
            : capture.client_certificate_requested ? "requested"
                                                   : "none");
  json.key("client_authorities").texts(capture.client_authorities);
  json.key("ocsp_response").text_or_null(base::base64(capture.ocsp_response));
  json.key("offer");
  report::write_offer(json, scan::offer_of(capture));
  write_timings(json, capture);
  json.key("when").time(capture.when);
  write_stores(json, seen.judged);
  write_version(json, "managed", seen.known.served);
  write_version(json, "kept", seen.known.kept);
  json.key("path_ends").value(seen.judged.path_ends);
  json.key("certificates").begin_array();
  for (const pki::Certificate& one : seen.judged.certificates.value_or(std::vector<pki::Certificate>())) {
    json.begin_object();
    write_certificate(json, one);
    json.end_object();
  }
  json.end_array();
  write_found(json, seen.found);
  json.end_object();
}

}  // namespace

std::string endpoint_json(const InspectedEndpoint& endpoint) {
  JsonWriter json(4);
  json.begin_object()
      .key("endpoint")
      .text(endpoint.wanted.name)
      .key("starttls")
      .text_or_null(endpoint.wanted.target.starttls);
  json.key("asked").begin_array();
  for (const pki::Identifier& one : endpoint.wanted.asked) json.text(one.text());
  json.end_array().key("environment").text_or_null(endpoint.wanted.environment);
  json.key("policy").text(endpoint.policy).key("when").time(endpoint.now);
  json.key("addresses").begin_array();
  for (const SeenAddress& seen : endpoint.addresses) write_address(json, endpoint, seen);
  json.end_array();
  write_found(json, endpoint.between);
  json.key("next").texts(next_commands(endpoint)).key("remarks").texts(endpoint.remarks).end_object();
  return json.written();
}

}  // namespace everseal::cli
