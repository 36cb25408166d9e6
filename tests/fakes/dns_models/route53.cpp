// Amazon Route 53, version 2013-04-01. It checks signatures from the octets that came, with nothing of the code under
// test but HMAC and SHA-256.
#include "base/encoding.h"
#include "base/text.h"
#include "fakes/dns_models/model.h"
#include "pki/digest.h"
#include "pki/hmac.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

namespace everseal::fakes {
namespace {

constexpr const char* kKeyId = "AKIDEXAMPLE";
constexpr const char* kSecretKey = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
constexpr const char* kSessionToken = "FwoGZXIvYXdzEBYaDF/session+token/0123456789==";
constexpr const char* kRoute53ZoneId = "Z0EXAMPLE1234567";
constexpr const char* kNamespace = "https://route53.amazonaws.com/doc/2013-04-01/";

net::ServerResponse xml(int status, const std::string& body) {
  return {.status = status, .content_type = "text/xml", .body = "<?xml version=\"1.0\"?>\n" + body};
}

net::ServerResponse failed_route53(int status, const std::string& code, const std::string& message) {
  return xml(status, fmt::format("<ErrorResponse xmlns=\"{}\"><Error><Type>Sender</Type><Code>{}</Code><Message>{}"
                                 "</Message></Error><RequestId>d8a9f0c1</RequestId></ErrorResponse>",
                                 kNamespace, code, message));
}

// What stands between <name> and </name>, in order.
std::vector<std::string> all_of(const std::string& text, const std::string& name) {
  std::vector<std::string> found;
  for (std::size_t at = 0; (at = text.find("<" + name + ">", at)) != std::string::npos;) {
    at += name.size() + 2;
    found.push_back(text.substr(at, text.find("</" + name + ">", at) - at));
  }
  return found;
}

std::string one_of(const std::string& text, const std::string& name) {
  const auto found = all_of(text, name);
  return found.empty() ? "" : found.front();
}

std::string with(std::string text, const std::vector<std::pair<std::string, std::string>>& changes) {
  for (const auto& [from, to] : changes)
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
      text.replace(at, from.size(), to);
  return text;
}

std::string escaped(const std::string& text) {
  return with(text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}});
}
std::string unescaped(const std::string& text) {
  return with(text, {{"&quot;", "\""}, {"&lt;", "<"}, {"&gt;", ">"}, {"&amp;", "&"}});
}

std::string digest_of(const std::string& text) { return base::hex(pki::sha256(base::as_bytes(text))); }

class Route53 final : public DnsModel {
 public:
  ApiOptions options(const std::string& url, Secrets secrets) const override {
    return {{{"api", url}, {"access_key_id", kKeyId}},
            {{"secret_access_key_file", secrets == Secrets::right ? kSecretKey : "another"},
             {"session_token_file", kSessionToken}}};
  }
  std::vector<std::string> secrets() const override { return {kSecretKey, kSessionToken}; }

  net::ServerResponse answer(const ApiRequest& request) override {
    if (request.header("x-amz-security-token") != kSessionToken)
      return failed_route53(403, "InvalidClientTokenId", "The security token included in the request is invalid.");
    if (!is_signed(request))
      return failed_route53(403, "SignatureDoesNotMatch", "The request signature we calculated does not match.");
    if (request.is("GET", {"2013-04-01", "hostedzonesbyname"})) return zones(request.parameter("dnsname"));
    if (request.is("GET", {"2013-04-01", "hostedzone", kRoute53ZoneId, "rrset"})) return list(request);
    if (request.is("POST", {"2013-04-01", "hostedzone", kRoute53ZoneId, "rrset", ""})) return change(request.body);
    return failed_route53(404, "NoSuchHostedZone", "No hosted zone found with ID: " + request.path.at(2));
  }

 private:
  static bool is_signed(const ApiRequest& request) {
    const std::string line = request.header("authorization");
    const auto part = [&](const std::string& name) {
      const auto at = line.find(name + "=");
      return at == std::string::npos ? ""
                                     : line.substr(at + name.size() + 1, line.find(',', at) - at - name.size() - 1);
    };
    const std::vector<std::string> scope = base::split(part("Credential"), '/');
    if (!line.starts_with("AWS4-HMAC-SHA256 ") || scope.size() != 5 || scope[0] != kKeyId) return false;
    const auto mark = request.target.find('?');
    std::vector<std::string> pairs;
    if (mark != std::string::npos) pairs = base::split(request.target.substr(mark + 1), '&');
    std::ranges::sort(pairs);
    std::string headers;
    std::set<std::string> missing{"host", "x-amz-date", "x-amz-security-token"};
    for (const std::string& name : base::split(part("SignedHeaders"), ';')) {
      headers += name + ":" + request.header(name) + "\n";
      missing.erase(name);
    }
    const std::string canonical =
        fmt::format("{}\n{}\n{}\n{}\n{}\n{}", request.method, request.target.substr(0, mark), base::join(pairs, "&"),
                    headers, part("SignedHeaders"), digest_of(request.body));
    const std::string text = fmt::format("AWS4-HMAC-SHA256\n{}\n{}/{}/{}/{}\n{}", request.header("x-amz-date"),
                                         scope[1], scope[2], scope[3], scope[4], digest_of(canonical));
    base::Bytes key = base::to_bytes(std::string("AWS4") + kSecretKey);
    for (std::size_t i = 1; i < scope.size(); ++i) key = pki::hmac(pki::Hash::sha256, key, base::as_bytes(scope[i]));
    return missing.empty() && scope[2] == "us-east-1" && scope[3] == "route53" &&
           base::hex(pki::hmac(pki::Hash::sha256, key, base::as_bytes(text))) == part("Signature");
  }

  // From the one named on, in order: another's zone comes where its own is not there.
  static net::ServerResponse zones(const std::string& from) {
    std::string found;
    const auto zone = [&](const std::string& id, const std::string& name, const char* is_private) {
      if (name < from) return;
      found += fmt::format(
          "<HostedZone><Id>/hostedzone/{}</Id><Name>{}</Name><CallerReference>x</CallerReference>"
          "<Config><PrivateZone>{}</PrivateZone></Config></HostedZone>",
          id, name, is_private);
    };
    zone("Z0PRIVATE", std::string(kZone) + ".", "true");
    zone(kRoute53ZoneId, std::string(kZone) + ".", "false");
    zone("Z0OTHER", "zzz.example.", "false");
    return xml(200, fmt::format("<ListHostedZonesByNameResponse xmlns=\"{}\"><HostedZones>{}</HostedZones><DNSName>{}"
                                "</DNSName><IsTruncated>false</IsTruncated><MaxItems>10</MaxItems>"
                                "</ListHostedZonesByNameResponse>",
                                kNamespace, found, from));
  }

  std::string shown(const std::string& name) const {
    std::string values;
    for (const ApiRecord& one : at(name))
      values += fmt::format("<ResourceRecord><Value>{}</Value></ResourceRecord>", escaped(one.text));
    return fmt::format(
        "<ResourceRecordSet><Name>{}.</Name><Type>TXT</Type><TTL>{}</TTL><ResourceRecords>{}"
        "</ResourceRecords></ResourceRecordSet>",
        name, ttls.at(name), values);
  }

  // From the set named on: where it is not there, another comes.
  net::ServerResponse list(const ApiRequest& request) const {
    const std::string dotted = request.parameter("name");
    const std::string name = dotted.substr(0, dotted.size() - 1);
    const std::string set = at(name).empty()
                                ? "<ResourceRecordSet><Name>zzz.example.org.</Name><Type>TXT</Type><TTL>5</TTL>"
                                  "<ResourceRecords><ResourceRecord><Value>&quot;of another name&quot;</Value>"
                                  "</ResourceRecord></ResourceRecords></ResourceRecordSet>"
                                : shown(name);
    return xml(200, fmt::format("<ListResourceRecordSetsResponse xmlns=\"{}\"><ResourceRecordSets>{}"
                                "</ResourceRecordSets><IsTruncated>false</IsTruncated><MaxItems>1</MaxItems>"
                                "</ListResourceRecordSetsResponse>",
                                kNamespace, set));
  }

  // All of a batch or nothing.
  net::ServerResponse change(const std::string& body) {
    const auto before = records;
    const auto before_ttls = ttls;
    for (const std::string& one : all_of(body, "Change"))
      if (const std::string problem = apply(one); !problem.empty()) {
        records = before;
        ttls = before_ttls;
        return failed_route53(400, "InvalidChangeBatch", escaped(problem));
      }
    return xml(200, fmt::format("<ChangeResourceRecordSetsResponse xmlns=\"{}\"><ChangeInfo><Id>/change/C1</Id><Status>"
                                "PENDING</Status></ChangeInfo></ChangeResourceRecordSetsResponse>",
                                kNamespace));
  }

  std::string apply(const std::string& one) {
    const std::string dotted = one_of(one, "Name");
    const std::string name = dotted.substr(0, dotted.size() - 1);
    const std::string what = fmt::format("resource record set [name='{}', type='TXT']", dotted);
    if (one_of(one, "Type") != "TXT" || !is_inside(name, kZone)) return "RRSet with DNS name is not permitted in zone";
    std::vector<std::string> wanted, standing;
    for (const std::string& value : all_of(one, "Value")) wanted.push_back(unescaped(value));
    for (const ApiRecord& record : at(name)) standing.push_back(record.text);
    for (const std::string& text : wanted)
      if (!is_quoted(text)) return "Invalid Resource Record: TXTRDATA should be enclosed in quotation marks";
    if (wanted.empty()) return "Missing field 'ResourceRecords'";
    const int ttl = std::stoi(one_of(one, "TTL"));
    if (one_of(one, "Action") == "DELETE") {
      if (!std::ranges::is_permutation(standing, wanted) || ttls[name] != ttl)
        return "Tried to delete " + what + " but the values provided do not match the current values";
      erase(name);
      ttls.erase(name);
    } else {
      if (!standing.empty()) return "Tried to create " + what + " but it already exists";
      for (const std::string& text : wanted) add(name, text);
      ttls[name] = ttl;
    }
    return {};
  }
};

}  // namespace

std::unique_ptr<DnsModel> make_route53() { return std::make_unique<Route53>(); }

}  // namespace everseal::fakes
