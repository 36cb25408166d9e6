// Amazon Route 53, version 2013-04-01. A set is replaced by deleting exactly what was read and creating the new one in
// one batch, which fails where somebody else was quicker.
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "dns/api.h"
#include "dns/record_set.h"
#include "dns/signature_v4.h"
#include "net/http_client.h"

#include <chrono>
#include <map>

#include <fmt/format.h>

namespace everseal::dns {
namespace {

using base::Error;
using base::Fault;
using base::OptionType;

const base::Option kRoute53Options[] = {
    {.name = "access_key_id", .summary = "identifier of the access key", .required = true},
    {.name = "secret_access_key_file", .type = OptionType::secret_file, .summary = "its secret", .required = true},
    {.name = "session_token_file",
     .type = OptionType::secret_file,
     .summary = "the session token of temporary credentials"},
    {.name = "hosted_zone_id", .summary = "the zone's identifier, where several zones have its name"},
    api_option("https://route53.amazonaws.com"),
};

constexpr std::string_view kVersion = "/2013-04-01";
constexpr int kRoute53Ttl = 60;
constexpr std::chrono::milliseconds kRoute53FirstDelay{500};
constexpr int kRoute53MostDelays = 6;

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

// Whole: from its first element to the end of that.
bool has_root(const std::string& xml, std::string_view name) {
  return xml.find(fmt::format("<{}", name)) != std::string::npos &&
         xml.find(fmt::format("</{}>", name)) != std::string::npos;
}

// Of an error. A batch that does not fit is refused in a form of its own, or in the general one.
std::string code_of(const std::string& xml) {
  return xml.find("<InvalidChangeBatch") != std::string::npos ? "InvalidChangeBatch" : first(xml, "Code");
}

// "Tried to create ... but it already exists", "tried to delete ... but the values provided do not match": another was
// quicker. A batch is refused for other reasons, too.
bool is_overtaken(const std::string& xml) {
  return code_of(xml) == "InvalidChangeBatch" && xml.find("Tried to ") != std::string::npos;
}

// Five requests a second are allowed to a whole AWS account, and one change at a time of a zone.
std::optional<std::chrono::milliseconds> delay_of_route53(const net::HttpResponse& response, int tries) {
  if (response.status != 400 || tries > kRoute53MostDelays) return asked_delay(response, tries);
  const std::string code = code_of(response.body);
  if (code != "Throttling" && code != "PriorRequestNotComplete") return std::nullopt;
  return kRoute53FirstDelay * (1 << (tries - 1));
}

class Route53 final : public RecordSetProvider {
 public:
  explicit Route53(const base::Options& options)
      : api_(options.string("api")), zone_id_(options.string("hosted_zone_id")), client_(api_settings(api_)) {
    while (api_.ends_with('/')) api_.pop_back();
    host_ = api_.substr(api_.find("//") + 2);
    credentials_.access_key_id = options.string("access_key_id");
    credentials_.secret_access_key = base::read_secret_file(options.string("secret_access_key_file"));
    if (options.has("session_token_file"))
      credentials_.session_token = base::read_secret_file(options.string("session_token_file"));
  }

 protected:
  std::vector<std::string> read(const TxtRecord& record, std::stop_token stop) override {
    const std::string xml = require("ListResourceRecordSetsResponse", "GET",
                                    fmt::format("{}/hostedzone/{}/rrset", kVersion, zone_id(record.zone, stop)),
                                    {{"name", record.name + "."}, {"type", "TXT"}, {"maxitems", "1"}}, "", stop);
    std::vector<std::string> values;
    ttl_ = kRoute53Ttl;
    for (const std::string& set : elements(xml, "ResourceRecordSet")) {
      if (base::lower(first(set, "Name")) != record.name + "." || first(set, "Type") != "TXT") continue;
      if (!first(set, "SetIdentifier").empty())
        throw Error(Fault::config, fmt::format("the TXT records at {} have a routing policy", record.name),
                    "let a CNAME at that name lead elsewhere");
      if (const std::string ttl = first(set, "TTL"); !ttl.empty()) ttl_ = std::atoi(ttl.c_str());
      for (const std::string& value : elements(set, "Value")) values.push_back(without_quotes(from_xml(value)));
    }
    return values;
  }

  bool write(const TxtRecord& record, const std::vector<std::string>& before, const std::vector<std::string>& values,
             std::stop_token stop) override {
    std::string changes;
    if (!before.empty()) changes += change("DELETE", record, before, ttl_);
    if (!values.empty()) changes += change("CREATE", record, values, ttl_);
    const std::string body = fmt::format(
        "<ChangeResourceRecordSetsRequest "
        "xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch><Changes>{}"
        "</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>",
        changes);
    const std::string path = fmt::format("{}/hostedzone/{}/rrset/", kVersion, zone_id(record.zone, stop));
    const ApiAnswer answer = send("POST", path, {}, body, stop);
    if (answer.response.status == 400 && is_overtaken(answer.response.body)) return false;
    checked("ChangeResourceRecordSetsResponse", answer);
    return true;
  }

 private:
  static std::string change(std::string_view action, const TxtRecord& record, const std::vector<std::string>& values,
                            int ttl) {
    std::string records;
    for (const std::string& value : values)
      records += fmt::format("<ResourceRecord><Value>{}</Value></ResourceRecord>", to_xml(in_quotes(value)));
    return fmt::format(
        "<Change><Action>{}</Action><ResourceRecordSet><Name>{}.</Name><Type>TXT</Type><TTL>{}</TTL>"
        "<ResourceRecords>{}</ResourceRecords></ResourceRecordSet></Change>",
        action, to_xml(record.name), ttl, records);
  }

  const std::string& zone_id(const std::string& zone, const std::stop_token& stop) {
    if (!zone_id_.empty()) return zone_id_;
    std::string& id = zones_[zone];
    if (!id.empty()) return id;
    const std::string xml =
        require("ListHostedZonesByNameResponse", "GET", fmt::format("{}/hostedzonesbyname", kVersion),
                {{"dnsname", zone + "."}, {"maxitems", "100"}}, "", stop);
    for (const std::string& one : elements(xml, "HostedZone")) {
      if (base::lower(first(one, "Name")) != zone + "." || first(one, "PrivateZone") == "true") continue;
      std::string found = first(one, "Id");
      id = url_encoded(found.substr(found.rfind('/') + 1));
      return id;
    }
    throw Error(Fault::config, fmt::format("Route 53 shows these credentials no public zone {}", zone),
                "may the key list hosted zones? `hosted_zone_id` spares that");
  }

  ApiAnswer send(std::string_view method, const std::string& path,
                 const std::vector<std::pair<std::string, std::string>>& query, const std::string& body,
                 const std::stop_token& stop) {
    const std::string text = canonical_query(query);
    const auto make = [&] {
      const base::Time now = base::wall_clock();
      AwsRequest signed_request{.method = method, .path = path, .query = query, .headers = {}, .body = body};
      signed_request.headers = {{"host", host_}, {"x-amz-date", amz_date(now)}};
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
      return request;
    };
    return exchange(client_, make, delay_of_route53, stop);
  }

  std::string require(std::string_view root, std::string_view method, const std::string& path,
                      const std::vector<std::pair<std::string, std::string>>& query, const std::string& body,
                      const std::stop_token& stop) {
    ApiAnswer answer = send(method, path, query, body, stop);
    checked(root, answer);
    return std::move(answer.response.body);
  }

  void checked(std::string_view root, const ApiAnswer& answer) const {
    const std::string where = base::printable(api_);
    if (!answer.response.ok()) {
      const std::string code = code_of(answer.response.body);
      if (code == "Throttling" || code == "PriorRequestNotComplete")
        throw Error(Fault::unreachable, fmt::format("{}: {}", where, answer.shown));
      throw refusal(answer.response, where, answer.shown);
    }
    if (!has_root(answer.response.body, root))
      throw Error(Fault::invalid, fmt::format("the answer of {} is no {}: \"{}\"", where, root, answer.shown));
  }

  std::string api_;
  std::string host_;
  std::string zone_id_;
  AwsCredentials credentials_;
  net::HttpClient client_;
  std::map<std::string, std::string> zones_;
  int ttl_ = kRoute53Ttl;  // of the set that read() found
};

std::unique_ptr<Provider> open_route53(const base::Options& options) { return std::make_unique<Route53>(options); }

}  // namespace

extern const Kind route53_kind;
const Kind route53_kind{"route53", "hosted zones at Amazon Route 53", kRoute53Options, open_route53};

}  // namespace everseal::dns
