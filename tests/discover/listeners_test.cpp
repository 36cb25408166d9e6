// Where servers listen, as their configs say around a line.
#include "discover/listeners.h"

#include "base/text.h"

#include <algorithm>

#include <doctest/doctest.h>

namespace everseal::discover {
namespace {

// At the line that holds HERE.
std::string listeners_here(ServerKind server, const std::string& config) {
  const std::size_t at = config.find("HERE");
  REQUIRE(at != std::string::npos);
  const auto line = 1 + std::count(config.begin(), config.begin() + static_cast<std::ptrdiff_t>(at), '\n');
  return base::join(Listeners(server, config).at(static_cast<int>(line)), " ");
}

TEST_CASE("nginx listens where the server block around the line says") {
  const struct {
    const char *config, *listeners;
  } rows[] = {
      {"server { listen 443 ssl; ssl_certificate HERE; }", "127.0.0.1:443"},
      {"http {\n  server {\n    listen 443 ssl http2;\n    listen [::]:443 ssl http2;\n    ssl_certificate HERE;\n  "
       "}\n}\n",
       "127.0.0.1:443"},
      {"server {\n\tssl_certificate HERE;\n\tlisten\t[::]:8443 ssl;\n}", "[::1]:8443"},
      {"server { listen 10.0.0.5:8443 ssl; listen *:443; ssl_certificate HERE; }", "10.0.0.5:8443 127.0.0.1:443"},
      {"server { listen localhost:8443 ssl; ssl_certificate HERE; }", "localhost:8443"},
      // Another's, plain HTTP, QUIC, sockets, comments, quotes and what is written over several lines.
      {"server { listen 9443 ssl; }\nserver { listen 443 ssl; ssl_certificate HERE; }\nserver { listen 9444 ssl; }",
       "127.0.0.1:443"},
      {"server { listen 80; listen 443 quic; listen 443 ssl; ssl_certificate HERE; }", "127.0.0.1:443"},
      {"server { listen unix:/run/x.sock ssl; listen 443 ssl; ssl_certificate HERE; }", "127.0.0.1:443"},
      {"# } server {\nserver { # listen 9443 ssl;\n listen 443 ssl; ssl_certificate HERE; }", "127.0.0.1:443"},
      {"server { add_header X '} ; listen 9443 ssl;'; listen 443 ssl; ssl_certificate HERE; }", "127.0.0.1:443"},
      {"server\n{\n  location / { return 301 x; }\n  listen\n    443\n    ssl;\n  ssl_certificate\n HERE;\n}",
       "127.0.0.1:443"},
      {"server { listen 443 ssl; location / { proxy_ssl_certificate HERE; } }", "127.0.0.1:443"},
      // Nothing tells.
      {"http {\n  ssl_certificate HERE;\n  server { listen 443 ssl; }\n}", ""},
      {"ssl_certificate HERE;", ""},
      {"server { listen 80; ssl_certificate HERE; }", ""},
      {"server { listen 443 ssl; ssl_certificate HERE;", ""},
      {"server { listen 0 ssl; listen 65536 ssl; listen x ssl; listen; ssl_certificate HERE; }", ""},
      {"}}}} server { HERE; }", ""},
      {"upstream server { listen 443 ssl; HERE; }", ""},
  };
  for (const auto& [config, listeners] : rows) {
    CAPTURE(config);
    CHECK(listeners_here(ServerKind::nginx, config) == listeners);
  }
  CHECK(Listeners(ServerKind::nginx, std::string(1'000'000, '{')).at(1).empty());
  CHECK(Listeners(ServerKind::nginx, "").at(7).empty());
}

TEST_CASE("Apache listens where the virtual host around the line says") {
  const struct {
    const char *config, *listeners;
  } rows[] = {
      {"<VirtualHost *:443>\n  SSLCertificateFile HERE\n</VirtualHost>", "127.0.0.1:443"},
      {"<virtualhost _default_:443 [::]:443>\nSSLCertificateFile HERE\n</virtualhost>", "127.0.0.1:443"},
      {"<VirtualHost 192.0.2.1:8443\t[2001:db8::1]:8443>\nHERE\n</VirtualHost>", "192.0.2.1:8443 [2001:db8::1]:8443"},
      {"<VirtualHost *:80>\n</VirtualHost>\n<VirtualHost *:443>\nHERE\n</VirtualHost>", "127.0.0.1:443"},
      {"<VirtualHost *:443>\n</VirtualHost>\nSSLCertificateFile HERE", ""},
      {"<VirtualHost *:443>\n<VirtualHost *>\nHERE\n</VirtualHost>", ""},
      {"<VirtualHost *:443>\nHERE", ""},
      {"SSLCertificateFile HERE", ""},
  };
  for (const auto& [config, listeners] : rows) {
    CAPTURE(config);
    CHECK(listeners_here(ServerKind::apache, config) == listeners);
  }
}

TEST_CASE("HAProxy listens where the line itself says") {
  const struct {
    const char *config, *listeners;
  } rows[] = {
      {"  bind :443 ssl crt HERE", "127.0.0.1:443"},
      {"bind *:443,10.0.0.5:8443 ssl crt HERE alpn h2", "127.0.0.1:443 10.0.0.5:8443"},
      {"bind\tipv4@0.0.0.0:443\tssl crt HERE", "127.0.0.1:443"},
      {"bind ipv6@[::]:443 ssl crt HERE", "[::1]:443"},
      {"bind :::443 ssl crt HERE", "[::1]:443"},
      {"bind /run/x.sock ssl crt HERE", ""},
      {"bind :443 crt HERE", ""},
      {"server s 10.0.0.1:443 ssl crt HERE", ""},
      {"bind :443-445 ssl crt HERE", ""},
      {"# bind :443 ssl crt HERE", ""},
      {"HERE", ""},
  };
  for (const auto& [config, listeners] : rows) {
    CAPTURE(config);
    CHECK(listeners_here(ServerKind::haproxy, config) == listeners);
  }
}

}  // namespace
}  // namespace everseal::discover
