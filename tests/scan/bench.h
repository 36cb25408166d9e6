// Whole audits in a test: a CA, a state, a clock that the test moves, servers on loopback, and what was told.
#pragma once

#include "fakes/temporary_directory.h"
#include "inventory/findings.h"
#include "inventory/places.h"
#include "pki/issued.h"
#include "probe/server.h"
#include "scan/audit.h"

#include <algorithm>
#include <atomic>
#include <mutex>

#include <doctest/doctest.h>
#include <fmt/format.h>

namespace everseal::scan {

namespace t = pki::testing;
using inventory::PlaceKind;

using Texts = std::vector<std::string>;
inline constexpr base::Seconds kHour{3'600};

// Keeps what it is told.
class RecordingSink : public report::AuditSink {
 public:
  void begin(const report::AuditHead&) override {}
  void place(const report::AuditedPlace& place) override {
    CHECK(together.empty());
    places.push_back(place);
  }
  void compared(const report::AuditedPlace& place) override { together.push_back(place); }
  int end(const report::AuditSummary& summary) override { return summary.exit_code; }

  std::vector<report::AuditedPlace> places, together;
};

inline Texts rules_of(const report::AuditedPlace& place) {
  Texts rules;
  for (const auto& one : place.findings) rules.push_back(one.finding.rule);
  return rules;
}

// A server that shows a chain, which can be another one at the next connection.
class ChainServer {
 public:
  ChainServer() : server_([this](int connection) { serve(connection); }) {}
  // At the same port of another address of loopback.
  ChainServer(const ChainServer& beside, std::uint32_t host)
      : server_([this](int connection) { serve(connection); }, AF_INET, host, beside.port()) {}

  enum class Sessions { resumed, forgotten };
  void show(std::vector<pki::Certificate> chain, const pki::PrivateKey& key, Sessions sessions = Sessions::resumed) {
    test::SslContext context(SSL_CTX_new(TLS_server_method()));
    load(context.get(), chain, key);
    if (sessions == Sessions::forgotten) SSL_CTX_set_num_tickets(context.get(), 0);
    const std::scoped_lock lock(mutex_);
    context_ = std::move(context);
  }

  // With a chain for another kind of key beside it.
  void show(const std::vector<pki::Certificate>& chain, const pki::PrivateKey& key,
            const std::vector<pki::Certificate>& beside, const pki::PrivateKey& its_key) {
    show(chain, key);
    const std::scoped_lock lock(mutex_);
    load(context_.get(), beside, its_key);
  }

  // Closes each connection from now on.
  void refuse() {
    const std::scoped_lock lock(mutex_);
    context_.reset();
  }

  int port() const { return server_.port(); }
  int connections() const { return connections_; }  // until now
  std::string address() const { return fmt::format("127.0.0.1:{}", port()); }

 private:
  static void load(SSL_CTX* context, const std::vector<pki::Certificate>& chain, const pki::PrivateKey& key) {
    const auto native = [](const pki::Certificate& certificate) {
      const unsigned char* at = certificate.der().data();
      return pki::X509Handle(d2i_X509(nullptr, &at, static_cast<long>(certificate.der().size())));
    };
    SSL_CTX_use_certificate(context, native(chain.front()).get());
    for (std::size_t i = 1; i < chain.size(); ++i) SSL_CTX_add1_chain_cert(context, native(chain[i]).get());
    SSL_CTX_use_PrivateKey(context, pki::native(key));
  }

  void serve(int connection) {
    ++connections_;
    const std::scoped_lock lock(mutex_);
    if (context_) test::serve_tls(context_.get(), connection);
  }

  std::mutex mutex_;
  std::atomic<int> connections_ = 0;
  test::SslContext context_;
  test::Server server_;
};

// A CA, a state, a clock that a test moves.
struct Bench {
  fakes::TemporaryDirectory directory;
  inventory::Store store = inventory::Store::create(directory / "state", t::kNow);
  t::Authority root = t::make_root();
  t::Authority issuing = t::make_intermediate(root);
  const pki::PrivateKey& key = t::key_of(pki::KeyType::ecdsa_p256, 2);
  base::Time now = t::kNow;
  AuditRequest request;
  std::stop_source stop;

  Bench() {
    request.limits.in_flight = 20;
    request.what = "a test";
    request.further = AuditRequest::Further::never;
  }

  std::vector<pki::Certificate> chain(const std::string& host, base::Seconds left = 80 * t::kDay) const {
    return chain(host, left, key);
  }
  std::vector<pki::Certificate> chain(const std::string& host, base::Seconds left,
                                      const pki::PrivateKey& its_key) const {
    pki::Template wanted = t::server_template(host, its_key);
    wanted.not_before = now + left - 90 * t::kDay;
    wanted.not_after = now + left;
    return {t::issue(wanted, issuing), issuing.certificate};
  }

  void want(const ChainServer& server, const std::string& name, const std::string& environment = {}) {
    Defaults defaults{.environment = environment, .sni = name, .source = "config"};
    for (Wanted& one : parse_targets(server.address(), defaults, 1)) request.endpoints.push_back(std::move(one));
  }

  struct Result {
    AuditOutcome outcome;
    std::vector<report::AuditedPlace> places, together;
  };
  Result run(bool remembered = true) {
    config::Settings settings;
    settings.audit.trust = {};
    Standards standards(settings, {}, {.roots = {root.certificate}}, now);
    RecordingSink sink;
    const std::function<base::Time()> clock = [this] { return now; };
    AuditOutcome outcome = audit(request, standards, remembered ? &store : nullptr, sink, clock, {}, stop.get_token());
    std::ranges::sort(sink.places, {}, [](const auto& place) { return place.place.text(); });
    return {std::move(outcome), std::move(sink.places), std::move(sink.together)};
  }
  inventory::PlaceRecord place_of(const ChainServer& server, const std::string& name) {
    const auto place = inventory::Places(store).find(PlaceKind::endpoint,
                                                     fmt::format("{} as {}", server.address(), name), server.address());
    REQUIRE(place);
    return *place;
  }
};

}  // namespace everseal::scan
