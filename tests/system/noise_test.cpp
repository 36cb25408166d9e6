// What Debian's packages configure, with a certificate that Everseal keeps alive: nobody is to be woken for it.
#include "../skip.h"
#include "base/text.h"
#include "system/server.h"
#include "system/site.h"
#include "system/starttls_server.h"

#include <algorithm>
#include <filesystem>

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace everseal;
using namespace everseal::system;

namespace {

// nginx.conf of the package, its TLS settings and all, but for places; the site's own file is what its manual shows.
StarttlsServer start_stock_nginx(const Site& site, const std::string& directory) {
  const std::string home = site / "stock-nginx";
  std::filesystem::create_directories(home);
  const std::vector<Listener> listeners{{"none"}};
  std::string config;
  for (const std::string& line : base::split(read_text("/etc/nginx/nginx.conf"), '\n')) {
    const std::string_view words = base::trim(line);
    const auto is_of = [&](std::string_view name) { return words.starts_with(name); };
    if (is_of("pid ") || is_of("error_log ") || is_of("access_log "))
      config += fmt::format("{} {}/{};\n", words.substr(0, words.find(' ')), home, words.substr(0, words.find(' ')));
    else if (is_of("include /etc/nginx/sites-enabled"))
      config += fmt::format(
          "server {{ listen 127.0.0.1:{} ssl; server_name localhost; ssl_certificate {}/fullchain.pem; "
          "ssl_certificate_key {}/privkey.pem; }}\n",
          listeners[0].port, directory, directory);
    else if (!is_of("include /etc/nginx/conf.d"))
      config += line + '\n';
  }
  write_text(home + "/nginx.conf", config);
  return {{"nginx", "-g", "daemon off;", "-c", home + "/nginx.conf", "-e", home + "/errors"}, listeners};
}

}  // namespace

TEST_CASE("stock nginx, Postfix and Dovecot with a managed certificate are one line each and no reason to fail") {
  if (skipped_without_root()) return;
  const Site site;
  site.configure(certificate_table("web"));
  require_status(site.everseal({"renew"}), 0);
  const std::string live = site.state() + "/live/web";
  const StarttlsServer nginx = start_stock_nginx(site, live), postfix = start_postfix(site, live),
                       dovecot = start_dovecot(site, live);
  std::string tables = certificate_table("web");
  std::vector<std::string> places;
  for (const StarttlsServer* const server : {&nginx, &postfix, &dovecot}) {
    server->wait();
    for (const Listener& listener : server->listeners()) {
      places.push_back(fmt::format("127.0.0.1:{}", listener.port));
      tables += fmt::format("[endpoint.e{}]\ntargets = [\"{}\"]\nsni = \"localhost\"\nstarttls = \"{}\"\n",
                            places.size(), places.back(), listener.protocol);
    }
  }
  site.configure(tables);

  const base::Exit exit = site.everseal({"audit", "--fail-on", "warning"});
  require_status(exit, 0);
  CHECK(exit.errors == "");
  const std::vector<std::string> lines = base::split(exit.output, '\n');
  for (const std::string& place : places)
    CHECK_MESSAGE(std::ranges::count_if(lines, [&](const std::string& line) { return contains(line, place); }) == 1,
                  exit.output);
  // A head, a line each, and the sum.
  CHECK_MESSAGE(std::ranges::count_if(lines, [](const std::string& line) { return !line.empty(); }) ==
                    static_cast<std::ptrdiff_t>(places.size()) + 2,
                exit.output);
  const Json plain = site.json({"audit"});
  REQUIRE(!plain["places"].empty());
  for (const Json& place : plain["places"]) CHECK(place["managed"] == "web");

  // Nor for anything that they take beside what a usual client agrees on. Of Postfix that is its smtp: its smtps, which
  // Debian leaves off, is for mail programs and takes TLS 1.0 and ciphers without a certificate unless it is told not
  // to.
  const std::string smtps = fmt::format("127.0.0.1:{} as", postfix.listeners()[1].port);
  const Json deep = Json::parse(site.everseal({"audit", "--deep", "--json"}).output);
  REQUIRE(!deep["places"].empty());
  for (const Json& place : deep["places"]) {
    CAPTURE(place["name"].dump());
    if (place["name"].get<std::string>().starts_with(smtps)) continue;
    CHECK(place["offer"]["whole"] == true);
    CHECK(!place["offer"]["versions"].empty());
    for (const Json& finding : place["findings"]) CHECK_MESSAGE(finding["severity"] == "notice", finding.dump());
  }
}
