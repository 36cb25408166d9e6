// Amazon Route 53, version 2013-04-01. A set is replaced by deleting exactly what was read and creating the new one in
// one batch, which fails where somebody else was quicker.
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "dns/api.h"
#include "dns/record_set.h"
#include "dns/signature_v4.h"
#include "net/http_client.h"

#include <map>

#include <fmt/format.h>

namespace everseal::dns {
namespace {

using base::Error;
using base::Fault;
using base::OptionType;

const base::Option kOptions[] = {
    {.name = "access_key_id", .summary = "identifier of the access key", .required = true},
    {.name = "secret_access_key_file", .type = OptionType::secret_file, .summary = "its secret", .required = true},
    {.name = "session_token_file",
     .type = OptionType::secret_file,
     .summary = "the session token of temporary credentials"},
    {.name = "hosted_zone_id", .summary = "the zone's identifier, where several zones have its name"},
    api_option("https://route53.amazonaws.com"),
};

constexpr std::string_view kVersion = "/2013-04-01";
constexpr int kTtl = 60;

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

// The answers hold nothing but elements and text; entities are the five of XML.
std::string from_xml(std::string text) {
  for (const auto& [from, to] : {std::pair("&quot;", "\""), std::pair("&lt;", "<"), std::pair("&gt;", ">"),
                                 std::pair("&apos;", "'"), std::pair("&#34;", "\""), std::pair("&amp;", "&")})
    text = replaced(std::move(text), from, to);
  return text;
}

std::string to_xml(std::string text) {
  for (const auto& [from, to] :
       {std::pair("&", "&amp;"), std::pair("<", "&lt;"), std::pair(">", "&gt;"), std::pair("\"", "&quot;")})
    text = replaced(std::move(text), from, to);
  return text;
}

// The contents of every <name>...</name>, in order.
std::vector<std::string> elements(const std::string& xml, std::string_view name) {
  const std::string open = fmt::format("<{}>", name), close = fmt::format("</{}>", name);
  std::vector<std::string> found;
  for (std::size_t at = 0; (at = xml.find(open, at)) != std::string::npos;) {
    at += open.size();
    const std::size_t end = xml.find(close, at);
    if (end == std::string::npos) break;
    found.push_back(xml.substr(at, end - at));
    at = end;
  }
  return found;
}

std::string first(const std::string& xml, std::string_view name) {
  const auto found = elements(xml, name);
  return found.empty() ? std::string() : from_xml(found.front());
}

class Route53 final : public RecordSetProvider {
 public:
  explicit Route53(const base::Options& options)
      : api_(options.string("api")), zone_id_(options.string("hosted_zone_id")) {
    while (api_.ends_with('/')) api_.pop_back();
    host_ = api_.substr(api_.find("//") + 2);
    credentials_.access_key_id = options.string("access_key_id");
    credentials_.secret_access_key = base::read_secret_file(options.string("secret_access_key_file"));
    if (options.has("session_token_file"))
      credentials_.session_token = base::read_secret_file(options.string("session_token_file"));
    net::HttpSettings settings;
    if (api_.starts_with("http://")) settings.schemes = net::Schemes::http_too;
    client_.emplace(settings);
  }

 protected:
  std::vector<std::string> read(const TxtRecord& record, std::stop_token stop) override {
    const std::string xml = require("GET", fmt::format("{}/hostedzone/{}/rrset", kVersion, zone_id(record.zone, stop)),
                                    {{"name", record.name + "."}, {"type", "TXT"}, {"maxitems", "1"}}, "", stop);
    std::vector<std::string> values;
    ttl_ = kTtl;
    for (const std::string& set : elements(xml, "ResourceRecordSet")) {
      if (base::lower(first(set, "Name")) != record.name + "." || first(set, "Type") != "TXT") continue;
      if (const std::string ttl = first(set, "TTL"); !ttl.empty()) ttl_ = std::atoi(ttl.c_str());
      for (const std::string& value : elements(set, "Value")) values.push_back(unquoted(from_xml(value)));
    }
    return values;
  }

  bool write(const TxtRecord& record, const std::vector<std::string>& before, const std::vector<std::string>& values,
             std::stop_token stop) override {
    std::string changes;
    if (!before.empty()) changes += change("DELETE", record, before, ttl_);
    if (!values.empty()) changes += change("CREATE", record, values, kTtl);
    const std::string body = fmt::format(
        "<ChangeResourceRecordSetsRequest "
        "xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch><Changes>{}"
        "</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>",
        changes);
    const std::string path = fmt::format("{}/hostedzone/{}/rrset/", kVersion, zone_id(record.zone, stop));
    const net::HttpResponse response = send("POST", path, {}, body, stop);
    if (response.status == 400 && first(response.body, "Code") == "InvalidChangeBatch") return false;
    if (!response.ok()) throw refusal(response);
    return true;
  }

 private:
  static std::string change(std::string_view action, const TxtRecord& record, const std::vector<std::string>& values,
                            int ttl) {
    std::string records;
    for (const std::string& value : values)
      records += fmt::format("<ResourceRecord><Value>{}</Value></ResourceRecord>", to_xml(quoted(value)));
    return fmt::format(
        "<Change><Action>{}</Action><ResourceRecordSet><Name>{}.</Name><Type>TXT</Type><TTL>{}</TTL>"
        "<ResourceRecords>{}</ResourceRecords></ResourceRecordSet></Change>",
        action, to_xml(record.name), ttl, records);
  }

  const std::string& zone_id(const std::string& zone, const std::stop_token& stop) {
    if (!zone_id_.empty()) return zone_id_;
    std::string& id = zones_[zone];
    if (!id.empty()) return id;
    const std::string xml = require("GET", fmt::format("{}/hostedzonesbyname", kVersion),
                                    {{"dnsname", zone + "."}, {"maxitems", "10"}}, "", stop);
    for (const std::string& one : elements(xml, "HostedZone")) {
      if (base::lower(first(one, "Name")) != zone + "." || first(one, "PrivateZone") == "true") continue;
      std::string found = first(one, "Id");
      id = url_encoded(found.substr(found.rfind('/') + 1));
      return id;
    }
    throw Error(Fault::config, fmt::format("Route 53 shows these credentials no public zone {}", zone),
                "may the key list hosted zones? `hosted_zone_id` spares that");
  }

  net::HttpResponse send(std::string_view method, const std::string& path,
                         const std::vector<std::pair<std::string, std::string>>& query, const std::string& body,
                         const std::stop_token& stop) {
    const base::Time now = base::wall_clock();
    AwsRequest signed_request{.method = method, .path = path, .query = query, .headers = {}, .body = body};
    signed_request.headers = {{"host", host_}, {"x-amz-date", amz_date(now)}};
    const std::string text = canonical_query(query);
    net::HttpRequest request{.method = std::string(method),
                             .url = api_ + path + (text.empty() ? "" : "?" + text),
                             .headers = {{"x-amz-date", amz_date(now)}},
                             .secret_headers = {},
                             .body = body};
    if (!body.empty()) request.headers.emplace_back("Content-Type", "text/xml");
    if (!credentials_.session_token.empty()) {
      signed_request.headers.emplace_back("x-amz-security-token", credentials_.session_token.reveal_text());
      request.secret_headers.emplace_back("x-amz-security-token", credentials_.session_token.copy());
    }
    request.secret_headers.emplace_back(
        "Authorization", base::Secret(authorization_v4(signed_request, credentials_, "us-east-1", "route53", now)));
    return client_->send(request, stop);
  }

  std::string require(std::string_view method, const std::string& path,
                      const std::vector<std::pair<std::string, std::string>>& query, const std::string& body,
                      const std::stop_token& stop) {
    net::HttpResponse response = send(method, path, query, body, stop);
    if (!response.ok()) throw refusal(response);
    return std::move(response.body);
  }

  Error refusal(const net::HttpResponse& response) const {
    const std::string code = first(response.body, "Code");
    const std::string said =
        code.empty() ? response.body.substr(0, 300) : fmt::format("{}: {}", code, first(response.body, "Message"));
    const std::string message = fmt::format("{}: HTTP {}: {}", api_, response.status, base::printable(said));
    if (response.status == 401 || response.status == 403)
      return Error(Fault::denied, message, "is the key right, and may it change records of that zone?");
    const bool later =
        response.status == 429 || response.status >= 500 || code == "Throttling" || code == "PriorRequestNotComplete";
    return Error(later ? Fault::unreachable : Fault::denied, message);
  }

  std::string api_;
  std::string host_;
  std::string zone_id_;
  AwsCredentials credentials_;
  std::optional<net::HttpClient> client_;
  std::map<std::string, std::string> zones_;
  int ttl_ = kTtl;  // of the set that read() found
};

std::unique_ptr<Provider> open(const base::Options& options) { return std::make_unique<Route53>(options); }

}  // namespace

extern const Kind route53_kind;
const Kind route53_kind{"route53", "hosted zones at Amazon Route 53", kOptions, open};

}  // namespace everseal::dns
