// Which proxy an ACME issuer goes through: its own, else the config's.
#include "error_of.h"
#include "fakes/temporary_directory.h"
#include "inventory/store.h"
#include "issuer/acme_ca.h"
#include "issuer/shared.h"
#include "probe/server.h"

#include <string>

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace everseal;

namespace {

// Keeps what it is asked first and refuses to tunnel.
class RefusingTunnel {
 public:
  RefusingTunnel()
      : server_([this](int connection) {
          asked_ = test::hear(connection);
          test::say(connection, "HTTP/1.1 403 no\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }) {}
  std::string url() const { return fmt::format("http://127.0.0.1:{}", server_.port()); }
  std::string asked() const { return asked_; }

 private:
  std::string asked_;
  test::Server server_;
};

}  // namespace

TEST_CASE("an issuer that names no proxy goes through the config's, one that names one through its own") {
  const fakes::TemporaryDirectory state;
  inventory::Store store = inventory::Store::create(state / "state", base::wall_clock());
  for (const bool names_one : {false, true}) {
    CAPTURE(names_one);
    RefusingTunnel general, own;
    base::Table table{{"directory", base::text_value("https://acme.invalid/directory")}};
    if (names_one) table.emplace_back("proxy", base::text_value(own.url()));
    base::Problems problems;
    const auto options = base::Options::validate(table, issuer::acme_options(), "issuer.le", {}, {}, problems);
    REQUIRE(problems.empty());
    issuer::Shared shared;
    const issuer::Surroundings around{.authority = {},
                                      .store = store,
                                      .shared = shared,
                                      .challenges = {},
                                      .clock = base::wall_clock,
                                      .peer_time = {},
                                      .proxy = general.url()};
    issuer::AcmeCa ca(base::Name::parse("le"), options, around);
    CHECK(error_of([&] { ca.client().directory({}); }).fault() == base::Fault::unreachable);
    CHECK((names_one ? own : general).asked() == "CONNECT acme.invalid:443 HTTP/1.1");
    CHECK((names_one ? general : own).asked().empty());
  }
}
