// Providers of DNS as their HTTP APIs are, each a small model: one zone of its own, records, who may change them,
// pages, and errors in the provider's words.
#pragma once

#include "net/http_server.h"

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace everseal::fakes {

struct ApiRequest {
  std::string method;
  std::string target;                          // as sent
  std::vector<std::string> path;               // segments, decoded; a slash at the end makes an empty last one
  std::map<std::string, std::string> query;    // decoded
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;

  // "" where it is not there.
  std::string header(const std::string& name) const;
  std::string parameter(const std::string& name) const;
  bool is(const std::string& wanted_method, const std::vector<std::string>& wanted_path) const;  // "*": any segment
};

// A TXT record as the provider keeps it.
struct ApiRecord {
  int id = 0;
  std::string name;  // without the trailing dot
  std::string text;  // as the API shows it: in quotes, with most
  bool disabled = false;
};

// What a kind is opened with: options, and options that are files with what stands in them.
struct ApiOptions {
  std::vector<std::pair<std::string, std::string>> texts;
  std::vector<std::pair<std::string, std::string>> files;
};
enum class Secrets { right, wrong };

class DnsModel {
 public:
  virtual ~DnsModel() = default;
  virtual ApiOptions options(const std::string& url, Secrets secrets) const = 0;
  // Of those that are right, word by word: no message may show one.
  virtual std::vector<std::string> secrets() const = 0;
  virtual net::ServerResponse answer(const ApiRequest& request) = 0;
  // What a text stands for in the DNS.
  virtual std::string value_of(const std::string& text) const;

  static constexpr const char* kZone = "example.org";

  std::vector<ApiRecord> at(const std::string& name) const;
  ApiRecord& add(const std::string& name, const std::string& text);
  void erase(const std::string& name);
  void erase(const std::string& name, const std::string& text);

  std::vector<ApiRecord> records;
  std::map<std::string, int> ttls;  // of the set at a name

 private:
  int last_id_ = 1000;
};

std::unique_ptr<DnsModel> make_acme_dns();
std::unique_ptr<DnsModel> make_cloudflare();
std::unique_ptr<DnsModel> make_desec();
std::unique_ptr<DnsModel> make_digitalocean();
std::unique_ptr<DnsModel> make_hetzner();
std::unique_ptr<DnsModel> make_powerdns();
std::unique_ptr<DnsModel> make_route53();

// A model behind a server on loopback.
class DnsApi {
 public:
  explicit DnsApi(std::unique_ptr<DnsModel> model);
  DnsApi(const DnsApi&) = delete;
  DnsApi& operator=(const DnsApi&) = delete;

  ApiOptions options(Secrets secrets) const;
  std::vector<std::string> secrets() const;

  // Values that the DNS shows at `name`, sorted.
  std::vector<std::string> values(const std::string& name) const;
  std::vector<ApiRecord> records(const std::string& name) const;
  int ttl(const std::string& name) const;
  // What another sets there; `text` as the API shows it.
  void put(const std::string& name, const std::string& text, int ttl = 3600);
  void put_disabled(const std::string& name, const std::string& text);
  void take(const std::string& name, const std::string& text);

  // Sees each request before the provider does, with its number from 1 since the rule was set; what it gives is the
  // answer, and the provider never hears of that request.
  using Rule = std::function<std::optional<net::ServerResponse>(const net::ServerRequest&, int number)>;
  void set_rule(Rule rule);
  int requests() const;  // since then

 private:
  net::ServerResponse handle(const net::ServerRequest& request);

  mutable std::recursive_mutex mutex_;
  std::unique_ptr<DnsModel> model_;
  Rule rule_;
  int requests_ = 0;
  net::HttpServer server_;
};

}  // namespace everseal::fakes
