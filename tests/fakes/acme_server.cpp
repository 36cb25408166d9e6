#include "fakes/acme_server.h"

#include "base/text.h"
#include "base/time.h"
#include "fakes/temporary_directory.h"
#include "pki/csr.h"
#include "pki/digest.h"
#include "pki/issuance.h"
#include "pki/key.h"
#include "pki/openssl.h"
#include "pki/pem.h"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <fstream>
#include <list>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace everseal::fakes {
namespace {

using Json = nlohmann::json;
using base::Bytes;

// What a client got wrong: 4xx with this problem.
struct Refusal {
  int status;
  std::string type;
  std::string detail;
};

struct Request {
  std::string method;
  std::string path;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

Bytes decode(const Json& value) {
  const auto octets = base::from_base64url(value.get<std::string>());
  if (!octets) throw Refusal{400, "malformed", "not base64url"};
  return *octets;
}

// ES256 by a JWK (RFC 7518 sections 3.4 and 6.2.1), with nothing of the code under test.
bool verifies(const Json& jwk, const std::string& data, const Bytes& signature) {
  if (jwk.at("kty") != "EC" || jwk.at("crv") != "P-256" || signature.size() != 64) return false;
  Bytes point{4};
  for (const char* const name : {"x", "y"}) {
    const Bytes coordinate = decode(jwk.at(name));
    if (coordinate.size() != 32) return false;
    point.insert(point.end(), coordinate.begin(), coordinate.end());
  }
  const std::unique_ptr<OSSL_PARAM_BLD, decltype(&OSSL_PARAM_BLD_free)> builder(OSSL_PARAM_BLD_new(),
                                                                                OSSL_PARAM_BLD_free);
  OSSL_PARAM_BLD_push_utf8_string(builder.get(), "group", "P-256", 0);
  OSSL_PARAM_BLD_push_octet_string(builder.get(), "pub", point.data(), point.size());
  const std::unique_ptr<OSSL_PARAM, decltype(&OSSL_PARAM_free)> parameters(OSSL_PARAM_BLD_to_param(builder.get()),
                                                                           OSSL_PARAM_free);
  const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(
      EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr), EVP_PKEY_CTX_free);
  EVP_PKEY* raw = nullptr;
  if (EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &raw, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1)
    return false;
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(raw, EVP_PKEY_free);
  const std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> numbers(ECDSA_SIG_new(), ECDSA_SIG_free);
  ECDSA_SIG_set0(numbers.get(), BN_bin2bn(signature.data(), 32, nullptr),
                 BN_bin2bn(signature.data() + 32, 32, nullptr));
  unsigned char* der = nullptr;
  const int length = i2d_ECDSA_SIG(numbers.get(), &der);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> digest(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  const auto* const octets = reinterpret_cast<const unsigned char*>(data.data());
  const bool good = EVP_DigestVerifyInit(digest.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
                    EVP_DigestVerify(digest.get(), der, static_cast<std::size_t>(length), octets, data.size()) == 1;
  OPENSSL_free(der);
  return good;
}

struct Order {
  Json identifiers;
  std::string account;
  std::vector<bool> proved;
  std::string status = "pending";
  std::string certificate;
};

// One TLS connection: whole requests in, whole answers out.
class Connection {
 public:
  // Leaves the descriptor open.
  Connection(SSL_CTX* context, int descriptor) : ssl_(SSL_new(context)) { SSL_set_fd(ssl_, descriptor); }
  ~Connection() { SSL_free(ssl_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool accept() { return SSL_accept(ssl_) == 1; }

  std::optional<Request> read() {
    std::size_t end = 0;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos)
      if (!more()) return std::nullopt;
    Request request;
    const std::string head = std::exchange(buffer_, buffer_.substr(end + 4)).substr(0, end);
    for (const std::string& line : base::split(head, '\n')) {
      const std::string_view text = base::trim(line);
      if (request.method.empty()) {
        const std::vector<std::string> words = base::split(text, ' ');
        request.method = words.at(0);
        request.path = words.at(1);
      } else if (const auto colon = text.find(':'); colon != std::string_view::npos) {
        request.headers[base::lower(text.substr(0, colon))] = std::string(base::trim(text.substr(colon + 1)));
      }
    }
    std::size_t length = 0;
    if (const auto header = request.headers.find("content-length"); header != request.headers.end())
      length = std::stoul(header->second);
    while (buffer_.size() < length)
      if (!more()) return std::nullopt;
    request.body = std::exchange(buffer_, buffer_.substr(length)).substr(0, length);
    return request;
  }

  bool write(const std::string& text) { return SSL_write(ssl_, text.data(), static_cast<int>(text.size())) > 0; }

 private:
  bool more() {
    char octets[8192];
    const int got = SSL_read(ssl_, octets, sizeof octets);
    if (got <= 0) return false;
    buffer_.append(octets, static_cast<std::size_t>(got));
    return true;
  }

  SSL* ssl_;
  std::string buffer_;
};

}  // namespace

AcmeAnswer AcmeAnswer::json(int status, const Json& body) {
  return {status, {{"content-type", "application/json"}}, body.dump()};
}

AcmeAnswer AcmeAnswer::problem(int status, const std::string& type, const std::string& detail) {
  AcmeAnswer answer = json(status, {{"type", "urn:ietf:params:acme:error:" + type}, {"detail", detail}});
  answer.headers["content-type"] = "application/problem+json";
  return answer;
}

struct AcmeServer::State {
  mutable std::mutex mutex;
  Rule before, after;
  std::set<std::string> nonces;
  std::map<std::string, Json> accounts;  // URL -> JWK
  std::vector<Order> orders;
  std::map<std::string, int> counts;
  std::vector<std::string> violations;

  TemporaryDirectory directory;
  std::string ca_file = directory / "ca.pem";
  pki::PrivateKey root_key = pki::PrivateKey::generate(pki::KeyType::ecdsa_p256);
  std::optional<pki::Certificate> root;
  SSL_CTX* context = nullptr;
  int listener = -1;
  int port = 0;
  std::thread accepting;
  std::mutex connections_mutex;
  std::list<std::pair<int, std::thread>> connections;
  std::atomic<bool> ending = false;

  State() {
    std::signal(SIGPIPE, SIG_IGN);
    make_root();
    make_context();
    listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener, 128) != 0 ||
        ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0)
      throw std::runtime_error("the scripted ACME server cannot listen");
    port = ntohs(address.sin_port);
    accepting = std::thread([this] { accept_all(); });
  }

  ~State() {
    ending = true;
    ::shutdown(listener, SHUT_RDWR);
    accepting.join();
    {
      const std::scoped_lock lock(connections_mutex);
      for (const auto& [descriptor, thread] : connections) ::shutdown(descriptor, SHUT_RDWR);
    }
    for (auto& [descriptor, thread] : connections) {
      thread.join();
      ::close(descriptor);
    }
    ::close(listener);
    SSL_CTX_free(context);
  }

  std::string url(const std::string& path) const { return fmt::format("https://localhost:{}{}", port, path); }

  pki::Template wanted(const Bytes& public_key_info) const {
    pki::Template one;
    one.serial = pki::random_serial();
    one.public_key_info = public_key_info;
    one.not_before = base::wall_clock() - std::chrono::hours(1);
    one.not_after = base::wall_clock() + std::chrono::days(90);
    return one;
  }

  void make_root() {
    pki::Template one = wanted(root_key.public_key_info());
    one.subject = {{{"CN", "Scripted CA"}}};
    one.is_ca = true;
    one.key_usage = {"keyCertSign", "cRLSign"};
    root = pki::Certificate::parse(pki::sign_certificate(one, nullptr, root_key));
    std::ofstream(ca_file) << pki::pem("CERTIFICATE", root->der());
  }

  Bytes sign(const Bytes& public_key_info, const std::vector<pki::Identifier>& identifiers) const {
    pki::Template one = wanted(public_key_info);
    one.identifiers = identifiers;
    one.key_usage = {"digitalSignature"};
    one.extended_key_usage = {"serverAuth"};
    return pki::sign_certificate(one, &*root, root_key);
  }

  void make_context() {
    const auto key = pki::PrivateKey::generate(pki::KeyType::ecdsa_p256);
    const Bytes der = sign(key.public_key_info(), {pki::Identifier::parse("localhost")});
    context = SSL_CTX_new(TLS_server_method());
    if (SSL_CTX_use_certificate_ASN1(context, static_cast<int>(der.size()), der.data()) != 1 ||
        SSL_CTX_use_PrivateKey(context, pki::native(key)) != 1)
      throw std::runtime_error("the scripted ACME server has no certificate");
  }

  void accept_all() {
    while (!ending) {
      const int descriptor = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
      if (descriptor < 0) continue;
      const int on = 1;
      ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      const std::scoped_lock lock(connections_mutex);
      connections.emplace_back(descriptor, std::thread([this, descriptor] { serve(descriptor); }));
    }
  }

  void serve(int descriptor) {
    converse(descriptor);
    ::shutdown(descriptor, SHUT_RDWR);
  }

  void converse(int descriptor) {
    Connection connection(context, descriptor);
    if (!connection.accept()) return;
    while (const auto request = connection.read()) {
      AcmeExchange exchange;
      {
        const std::scoped_lock lock(mutex);
        answer(*request, exchange);
      }
      if (exchange.cut) return;
      AcmeAnswer& sent = *exchange.answer;
      std::string text = fmt::format("HTTP/1.1 {} X\r\nContent-Length: {}\r\n", sent.status, sent.body.size());
      for (const auto& [name, value] : sent.headers) text += fmt::format("{}: {}\r\n", name, value);
      if (!connection.write(text + "\r\n" + (request->method == "HEAD" ? "" : sent.body))) return;
    }
  }

  // The rest is called under the lock.

  void answer(const Request& request, AcmeExchange& exchange) {
    static const std::map<std::string, std::string> kPlain{{"/directory", "directory"},
                                                           {"/nonce", "newNonce"},
                                                           {"/account", "newAccount"},
                                                           {"/order", "newOrder"},
                                                           {"/revoke", "revokeCert"}};
    const auto parts = base::split(request.path, '/');
    if (const auto plain = kPlain.find(request.path); plain != kPlain.end()) {
      exchange.resource = plain->second;
    } else if (parts.size() >= 3) {
      exchange.resource = parts[1];
      if (exchange.resource != "renewalInfo" && exchange.resource != "account") exchange.number = std::stoi(parts[2]);
    }
    ++counts[exchange.resource];
    std::optional<Refusal> refusal;
    std::string account;
    try {
      if (request.method == "POST") account = authenticate(request, exchange);
    } catch (const Refusal& why) {
      refusal = why;
    } catch (const std::exception& error) {
      refusal = Refusal{400, "malformed", error.what()};
    }
    if (before) before(exchange);
    if (!exchange.answer && !exchange.cut) {
      try {
        if (refusal) throw Refusal(*refusal);
        exchange.answer = act(request, exchange, account);
      } catch (const Refusal& why) {
        if (why.type != "badNonce") violations.push_back(request.path + ": " + why.detail);
        exchange.answer = AcmeAnswer::problem(why.status, why.type, why.detail);
      } catch (const std::exception& error) {
        violations.push_back(request.path + ": " + error.what());
        exchange.answer = AcmeAnswer::problem(400, "malformed", error.what());
      }
      if (after) after(exchange);
    }
    if (!exchange.answer) return;
    auto& headers = exchange.answer->headers;
    headers.emplace("replay-nonce", *nonces.insert(base::base64url(pki::random_bytes(12))).first);
    headers.emplace("date", http_date());
  }

  static std::string http_date() {
    const auto now = base::to_unix(base::wall_clock());
    const std::time_t seconds = static_cast<std::time_t>(now);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    char text[40];
    std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    return text;
  }

  // RFC 8555 section 6.2 to 6.5. The URL of the account; "" where the key speaks for itself.
  std::string authenticate(const Request& request, AcmeExchange& exchange) {
    if (request.headers.at("content-type") != "application/jose+json") throw Refusal{415, "malformed", "content type"};
    const Json jws = Json::parse(request.body);
    const Bytes header_octets = decode(jws.at("protected"));
    const Json header = Json::parse(header_octets.begin(), header_octets.end());
    if (header.at("url") != url(request.path)) throw Refusal{401, "unauthorized", "another url"};
    if (header.contains("jwk") == header.contains("kid")) throw Refusal{400, "malformed", "jwk or kid, and one"};
    const bool by_key = exchange.resource == "newAccount";
    if (by_key != header.contains("jwk") && exchange.resource != "revokeCert")
      throw Refusal{400, "malformed", "jwk where there must be a kid, or the other way around"};
    const std::string account = header.value("kid", "");
    if (header.contains("kid") && !accounts.contains(account))
      throw Refusal{400, "accountDoesNotExist", "no such account"};
    const Json key = header.contains("jwk") ? header.at("jwk") : accounts.at(account);
    const std::string signed_text = jws.at("protected").get<std::string>() + "." + jws.at("payload").get<std::string>();
    if (header.at("alg") != "ES256" || !verifies(key, signed_text, decode(jws.at("signature"))))
      throw Refusal{403, "unauthorized", "bad signature"};
    if (nonces.erase(header.at("nonce").get<std::string>()) == 0) throw Refusal{400, "badNonce", "unknown nonce"};
    const Bytes payload = decode(jws.at("payload"));
    if (!payload.empty()) exchange.payload = Json::parse(payload.begin(), payload.end());
    if (by_key) return key.dump();
    return account;
  }

  AcmeAnswer act(const Request& request, const AcmeExchange& exchange, const std::string& account) {
    const std::string& resource = exchange.resource;
    if (resource == "directory")
      return AcmeAnswer::json(200, {{"newNonce", url("/nonce")},
                                    {"newAccount", url("/account")},
                                    {"newOrder", url("/order")},
                                    {"revokeCert", url("/revoke")},
                                    {"renewalInfo", url("/renewalInfo")}});
    if (resource == "newNonce") return {200, {}, ""};
    if (resource == "renewalInfo") {
      const base::Time now = base::wall_clock();
      AcmeAnswer answer = AcmeAnswer::json(200, {{"suggestedWindow",
                                                  {{"start", base::format_time(now + std::chrono::days(60))},
                                                   {"end", base::format_time(now + std::chrono::days(61))}}}});
      answer.headers["retry-after"] = "21600";
      return answer;
    }
    if (request.method != "POST") throw Refusal{405, "malformed", "only POST"};
    if (resource == "newAccount") return new_account(account, exchange.payload);
    if (resource == "newOrder") return new_order(account, exchange.payload);
    if (resource == "revokeCert") return {200, {}, ""};
    if (resource == "account") {
      if (url(request.path) != account) throw Refusal{403, "unauthorized", "another account's"};
      return AcmeAnswer::json(200, {{"status", "valid"}});
    }
    if (exchange.number < 1 || exchange.number > static_cast<int>(orders.size()))
      throw Refusal{404, "malformed", "nothing is there"};
    Order& order = orders[static_cast<std::size_t>(exchange.number - 1)];
    if (order.account != account) throw Refusal{403, "unauthorized", "another account's"};
    if (resource == "order") return order_answer(exchange.number);
    if (resource == "finalize") return finalize(exchange.number, exchange.payload);
    if (resource == "certificate") {
      if (order.status != "valid") throw Refusal{404, "malformed", "no certificate yet"};
      return {200, {{"content-type", "application/pem-certificate-chain"}}, order.certificate};
    }
    const std::size_t index = std::stoul(base::split(request.path, '/').at(3));
    if (resource == "challenge") {
      if (exchange.payload != Json::object()) throw Refusal{400, "malformed", "a challenge is started by {}"};
      order.proved.at(index) = true;
      if (order.status == "pending" && std::ranges::all_of(order.proved, [](bool one) { return one; }))
        order.status = "ready";
      return AcmeAnswer::json(200, challenge(exchange.number, index));
    }
    if (resource == "authorization") return authorization(exchange.number, index);
    throw Refusal{404, "malformed", "nothing is there"};
  }

  AcmeAnswer new_account(const std::string& key, const Json& payload) {
    std::string found;
    for (const auto& [url, jwk] : accounts)
      if (jwk.dump() == key) found = url;
    const bool is_new = found.empty();
    if (is_new && payload.value("onlyReturnExisting", false))
      return AcmeAnswer::problem(400, "accountDoesNotExist", "no such account");
    if (is_new) {
      found = url(fmt::format("/account/{}", accounts.size() + 1));
      accounts.emplace(found, Json::parse(key));
    }
    AcmeAnswer answer = AcmeAnswer::json(is_new ? 201 : 200, {{"status", "valid"}});
    answer.headers["location"] = found;
    return answer;
  }

  AcmeAnswer new_order(const std::string& account, const Json& payload) {
    Order order;
    order.identifiers = payload.at("identifiers");
    order.account = account;
    order.proved.assign(order.identifiers.size(), false);
    orders.push_back(std::move(order));
    AcmeAnswer answer = order_answer(static_cast<int>(orders.size()));
    answer.status = 201;
    answer.headers["location"] = url(fmt::format("/order/{}", orders.size()));
    return answer;
  }

  AcmeAnswer order_answer(int number) const {
    const Order& order = orders[static_cast<std::size_t>(number - 1)];
    Json json{{"status", order.status},
              {"expires", base::format_time(base::wall_clock() + std::chrono::days(7))},
              {"identifiers", order.identifiers},
              {"finalize", url(fmt::format("/finalize/{}", number))}};
    for (std::size_t i = 0; i < order.proved.size(); ++i)
      json["authorizations"].push_back(url(fmt::format("/authorization/{}/{}", number, i)));
    if (order.status == "valid") json["certificate"] = url(fmt::format("/certificate/{}", number));
    return AcmeAnswer::json(200, json);
  }

  Json challenge(int number, std::size_t index) const {
    const bool proved = orders[static_cast<std::size_t>(number - 1)].proved[index];
    return {{"type", "http-01"},
            {"url", url(fmt::format("/challenge/{}/{}", number, index))},
            {"token", fmt::format("token-{}-{}", number, index)},
            {"status", proved ? "valid" : "pending"}};
  }

  AcmeAnswer authorization(int number, std::size_t index) const {
    const Order& order = orders[static_cast<std::size_t>(number - 1)];
    return AcmeAnswer::json(200, {{"identifier", order.identifiers.at(index)},
                                  {"status", order.proved.at(index) ? "valid" : "pending"},
                                  {"expires", base::format_time(base::wall_clock() + std::chrono::days(7))},
                                  {"challenges", Json::array({challenge(number, index)})}});
  }

  AcmeAnswer finalize(int number, const Json& payload) {
    Order& order = orders[static_cast<std::size_t>(number - 1)];
    if (order.status != "ready") return AcmeAnswer::problem(403, "orderNotReady", "it is " + order.status);
    const pki::Csr csr = pki::Csr::parse(decode(payload.at("csr")));
    std::vector<pki::Identifier> identifiers;
    for (const Json& one : order.identifiers)
      identifiers.push_back(pki::Identifier::parse(one.at("value").get<std::string>()));
    if (csr.names.size() != identifiers.size()) throw Refusal{400, "badCSR", "other names than the order's"};
    order.certificate =
        pki::pem("CERTIFICATE", sign(csr.public_key_info, identifiers)) + pki::pem("CERTIFICATE", root->der());
    order.status = "valid";
    return order_answer(number);
  }
};

AcmeServer::AcmeServer() : state_(std::make_unique<State>()) {}
AcmeServer::~AcmeServer() = default;

void AcmeServer::set_rules(Rule before, Rule after) const {
  const std::scoped_lock lock(state_->mutex);
  state_->before = std::move(before);
  state_->after = std::move(after);
}
std::string AcmeServer::url(const std::string& path) const { return state_->url(path); }
const std::string& AcmeServer::ca_file() const noexcept { return state_->ca_file; }
int AcmeServer::count(const std::string& resource) const {
  const std::scoped_lock lock(state_->mutex);
  const auto found = state_->counts.find(resource);
  return found == state_->counts.end() ? 0 : found->second;
}
int AcmeServer::orders_placed() const {
  const std::scoped_lock lock(state_->mutex);
  return static_cast<int>(state_->orders.size());
}
int AcmeServer::accounts_made() const {
  const std::scoped_lock lock(state_->mutex);
  return static_cast<int>(state_->accounts.size());
}
std::vector<std::string> AcmeServer::violations() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->violations;
}

}  // namespace everseal::fakes
