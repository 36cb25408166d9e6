// What the configs of servers say.
#include "discover/server.h"

#include "base/text.h"
#include "fakes/temporary_directory.h"

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

namespace everseal::discover {
namespace {

namespace fs = std::filesystem;

class Host {
 public:
  Host(std::initializer_list<std::pair<std::string, std::string>> files) {
    for (const auto& [name, text] : files) write(name, text);
  }
  void write(const std::string& name, std::string_view text) const {
    fs::create_directories(fs::path(folder_.path() + name).parent_path());
    std::ofstream(folder_.path() + name, std::ios::binary) << text;
  }
  void link(const std::string& name, const std::string& target) const {
    fs::create_directories(fs::path(folder_.path() + name).parent_path());
    fs::create_symlink(target, folder_.path() + name);
  }
  HostFiles files() const { return HostFiles(folder_.path()); }

 private:
  fakes::TemporaryDirectory folder_;
};

std::string file_text(const NamedFile& one) { return fmt::format("{}={}", to_string(one.role), one.path); }

// "127.0.0.1:443+smtp (www.example.org) certificate=/etc/a.pem key=/etc/a.key !plain http://10.0.0.5"
std::string site_text(const Site& site) {
  std::vector<std::string> parts;
  for (const Listener& one : site.listeners)
    parts.push_back(one.address + (one.starttls.empty() ? "" : "+" + one.starttls));
  if (!site.speaks_tls) parts.emplace_back("no TLS");
  if (!site.names.empty()) parts.push_back("(" + base::join(site.names, " ") + ")");
  for (const NamedFile& one : site.files) parts.push_back(file_text(one));
  for (const WeakUpstream& one : site.upstreams)
    parts.push_back((one.weakness == Weakness::plain_text ? "!plain " : "!unverified ") + one.peer);
  return base::join(parts, " ");
}

std::string read(const Host& host, ServerKind kind, const std::string& config) {
  const Server server = read_server(host.files(), kind, config);
  std::vector<std::string> lines;
  for (const Site& site : server.sites) lines.push_back(site_text(site));
  for (const ConfigTrouble& one : server.troubles)
    lines.push_back(fmt::format("{}:{} {}", one.where.file, one.where.line, to_string(one.reason)));
  return base::join(lines, "\n");
}

std::string nginx(const std::string& text) {
  return read({{"/etc/nginx/nginx.conf", text}}, ServerKind::nginx, "/etc/nginx/nginx.conf");
}

TEST_CASE("nginx: each server block that speaks TLS, with its names and files") {
  const struct {
    const char *config, *found;
  } rows[] = {
      {"http { server { listen 443 ssl; server_name www.Example.org .example.net ~^x _ \"\" $hostname;\n"
       "ssl_certificate a.pem; ssl_certificate_key \"/etc/ssl/a b.key\"; } }",
       "127.0.0.1:443 (www.example.org example.net *.example.net) certificate=/etc/nginx/a.pem key=/etc/ssl/a b.key"},
      // Two keys, clients' and upstreams' files, wherever they stand.
      {"http { server { listen 443 ssl; ssl_certificate a; ssl_certificate b; ssl_client_certificate c;\n"
       "location / { proxy_ssl_certificate d; proxy_ssl_trusted_certificate e; } } }",
       "127.0.0.1:443 certificate=/etc/nginx/a certificate=/etc/nginx/b client_authorities=/etc/nginx/c "
       "upstream_certificate=/etc/nginx/d upstream_authorities=/etc/nginx/e"},
      // Inherited, unless said otherwise; not by what speaks no TLS.
      {"http { ssl_certificate a; server { listen 443 ssl; } server { listen 8443 ssl; ssl_certificate b; }\n"
       "server { listen 80; } }",
       "127.0.0.1:443 certificate=/etc/nginx/a\n127.0.0.1:8443 certificate=/etc/nginx/b"},
      {"http { server { listen 80; ssl_certificate a; } }", "no TLS certificate=/etc/nginx/a"},
      {"http { ssl on; server { listen 8443; } }", "127.0.0.1:8443"},
      // No files: variables, and what is no path.
      {"http { server { listen 443 ssl; ssl_certificate /x/$ssl_server_name.pem; ssl_certificate_key data:abc; } }",
       "127.0.0.1:443"},
      // Another language in between.
      {"http { server { listen 443 ssl; content_by_lua_block { local s = \"it's; }\" if x then {} end }\n"
       "ssl_certificate a; } }",
       "127.0.0.1:443 certificate=/etc/nginx/a"},
      {"http { server { listen 443 ssl; content_by_lua_block { -- it's }\nlocal s = '\\'}' }\nssl_certificate a; } }",
       "127.0.0.1:443 certificate=/etc/nginx/a"},
      {"http { server { listen 443 ssl; if ($host ~ \"^a{2}$\") { return 301; } set $x ${y}z; ssl_certificate a; } }",
       "127.0.0.1:443 certificate=/etc/nginx/a"},
      {"mail { server { listen 993 ssl; ssl_certificate a; } }", "127.0.0.1:993 certificate=/etc/nginx/a"},
      {"", ""},
      {"http { server { listen 443 ssl; }\nserver {",
       "127.0.0.1:443\n/etc/nginx/nginx.conf:2 broken\n/etc/nginx/nginx.conf:1 broken"},
      {"http { upstream server { server 10.0.0.1; } }", ""},
  };
  for (const auto& [config, found] : rows) {
    CAPTURE(config);
    CHECK(nginx(config) == found);
  }
}

TEST_CASE("nginx: an upstream on another host that is spoken to in plain text or unverified") {
  const auto passing = [](const std::string& pass, const std::string& more = {}, const std::string& top = {}) {
    const std::string text =
        nginx(fmt::format("http {{ {} server {{ listen 443 ssl; {} location / {{ {} }} }} }}", top, more, pass));
    return text.starts_with("127.0.0.1:443 ") ? text.substr(14) : text == "127.0.0.1:443" ? "" : "? " + text;
  };
  CHECK(passing("proxy_pass http://10.0.0.5:8080/x;") == "!plain http://10.0.0.5:8080/x");
  CHECK(passing("if ($x) { proxy_pass HTTP://app.example.org; }") == "!plain HTTP://app.example.org");
  CHECK(passing("proxy_pass https://10.0.0.5;") == "!unverified https://10.0.0.5");
  CHECK(passing("proxy_pass https://10.0.0.5;", "proxy_ssl_verify off;", "proxy_ssl_verify on;") ==
        "!unverified https://10.0.0.5");
  CHECK(passing("grpc_pass grpc://10.0.0.5;") == "!plain grpc://10.0.0.5");
  CHECK(passing("grpc_pass grpcs://10.0.0.5;", "proxy_ssl_verify on;") == "!unverified grpcs://10.0.0.5");
  CHECK(passing("proxy_pass http://app;", "", "upstream app { server 127.0.0.1:1; server 10.0.0.1; }") ==
        "!plain http://app");
  // Verified, on this host, or nobody knows where.
  for (const char* const fine : {"proxy_pass http://127.0.0.1:8080;", "proxy_pass http://localhost/;",
                                 "proxy_pass http://[::1]:80;", "proxy_pass http://unix:/run/app.sock:/;",
                                 "proxy_pass http://$backend;", "proxy_pass;", "return 301 http://x;"}) {
    CAPTURE(fine);
    CHECK(passing(fine).empty());
  }
  CHECK(passing("proxy_pass https://10.0.0.5;", "proxy_ssl_verify on;").empty());
  CHECK(passing("proxy_pass https://10.0.0.5;", "", "proxy_ssl_verify on;").empty());
  CHECK(passing("grpc_pass grpcs://10.0.0.5;", "grpc_ssl_verify on;").empty());
  CHECK(passing("proxy_pass http://app;", "", "upstream app { server 127.0.0.1:1; server unix:/run/x; }").empty());
  // No TLS in front of it.
  CHECK(nginx("http { server { listen 80; proxy_pass http://10.0.0.5; } }").empty());
  // Streams say it apart from the address.
  CHECK(nginx("stream { server { listen 443 ssl; proxy_pass 10.0.0.5:80; } }") == "127.0.0.1:443 !plain 10.0.0.5:80");
  CHECK(nginx("stream { server { listen 443 ssl; proxy_pass 10.0.0.5:80; proxy_ssl on; } }") ==
        "127.0.0.1:443 !unverified 10.0.0.5:80");
  CHECK(nginx("stream { proxy_ssl on; proxy_ssl_verify on; server { listen 443 ssl; proxy_pass 10.0.0.5:80; } }") ==
        "127.0.0.1:443");
}

TEST_CASE("nginx: includes are read in their place, with globs, links and loops") {
  const Host host{{"/etc/nginx/nginx.conf",
                   "http {\ninclude conf.d/*.conf;\ninclude /etc/nginx/sites-enabled/*;\n"
                   "include none.conf;\ninclude none/*.conf;\n}"},
                  {"/etc/nginx/conf.d/a.conf", "server { listen 1443 ssl; include snippets/tls.conf; }"},
                  {"/etc/nginx/conf.d/a.conf.off", "server { listen 2443 ssl; }"},
                  {"/etc/nginx/conf.d/.hidden.conf", "server { listen 3443 ssl; }"},
                  {"/etc/nginx/snippets/tls.conf", "ssl_certificate tls.pem;\ninclude snippets/tls.conf;\n}}"},
                  {"/etc/nginx/sites-available/b", "server { listen 4443 ssl;\n ssl_certificate b.pem; }"}};
  host.link("/etc/nginx/sites-enabled/b", "../sites-available/b");
  CHECK(read(host, ServerKind::nginx, "/etc/nginx/nginx.conf") ==
        "127.0.0.1:1443 certificate=/etc/nginx/tls.pem\n127.0.0.1:4443 certificate=/etc/nginx/b.pem\n"
        "/etc/nginx/snippets/tls.conf:2 broken\n/etc/nginx/nginx.conf:4 not_found");
  const Server server = read_server(host.files(), ServerKind::nginx, "/etc/nginx/nginx.conf");
  CHECK(server.files == std::vector<std::string>{"/etc/nginx/nginx.conf", "/etc/nginx/conf.d/a.conf",
                                                 "/etc/nginx/snippets/tls.conf", "/etc/nginx/sites-enabled/b"});
  REQUIRE(server.sites.size() == 2);
  CHECK(server.sites[1].where.file == "/etc/nginx/sites-enabled/b");
  CHECK(server.sites[1].files[0].where.line == 2);
  CHECK(read(host, ServerKind::nginx, "/etc/nginx/none.conf") == "/etc/nginx/none.conf:0 not_found");
}

TEST_CASE("a directory of includes that cannot be listed is a trouble of its line, and the others go on") {
  const Host nginx{
      {"/etc/nginx/nginx.conf", "http {\ninclude loop.d/*.conf;\ninclude file/*.conf;\ninclude conf.d/*;\n}"},
      {"/etc/nginx/file", ""},
      {"/etc/nginx/conf.d/a.conf", "server { listen 1443 ssl; }"}};
  nginx.link("/etc/nginx/loop.d", "loop.d");
  CHECK(read(nginx, ServerKind::nginx, "/etc/nginx/nginx.conf") ==
        "127.0.0.1:1443\n/etc/nginx/nginx.conf:2 unreadable\n/etc/nginx/nginx.conf:3 unreadable");
  const Host apache{
      {"/etc/apache2/apache2.conf", "Listen 443\nIncludeOptional loop.d/*.conf\nIncludeOptional sites/*.conf\n"},
      {"/etc/apache2/sites/a.conf", "<VirtualHost *:443>\nSSLEngine on\nServerName a\n</VirtualHost>\n"}};
  apache.link("/etc/apache2/loop.d", "loop.d");
  const std::string told = read(apache, ServerKind::apache, "/etc/apache2/apache2.conf");
  CHECK_MESSAGE(told.find("(a)") != std::string::npos, told);
  CHECK_MESSAGE(told.ends_with("/etc/apache2/apache2.conf:2 unreadable"), told);
}

TEST_CASE("includes of includes end somewhere, and so do blocks in blocks") {
  const Host host{};
  for (int i = 0; i < 20; ++i) host.write(fmt::format("/etc/nginx/{}.conf", i), fmt::format("include {}.conf;", i + 1));
  CHECK(read(host, ServerKind::nginx, "/etc/nginx/0.conf") == "/etc/nginx/15.conf:1 too_deep");
  // Each includes all: the same ones again and again, as long as there is room.
  const Host wide{};
  for (int i = 0; i < 6; ++i) wide.write(fmt::format("/etc/nginx/{}.conf", i), "include *.conf;\n");
  CHECK(read(wide, ServerKind::nginx, "/etc/nginx/0.conf").find("broken") != std::string::npos);
  CHECK(nginx(std::string(900'000, '{')).find("too_deep") != std::string::npos);
  CHECK(nginx(std::string(900'000, '}')).empty());
  CHECK(nginx("http { server { listen 443 ssl; \"").empty() == false);
  std::string blocks;
  for (int i = 0; i < 300'000; ++i) blocks += "a;";
  CHECK(nginx(blocks).empty());
}

TEST_CASE("Apache: virtual hosts that speak TLS, with what they inherit, include and define") {
  const Host host{
      {"/etc/apache2/apache2.conf",
       "Define tls /etc/ssl/site\nIncludeOptional mods-enabled/*.load\nInclude ports.conf\n"
       "IncludeOptional sites-enabled/*.conf\nInclude ${APACHE_LOG_DIR}/extra\n"
       "<IfModule mod_ssl.c>\nSSLProxyVerify require\n</IfModule>\n"},
      {"/etc/apache2/envvars", "# x\nexport APACHE_LOG_DIR=/var/log/apache2$SUFFIX\nunset HOME\nexport X=`id`\n"},
      {"/var/log/apache2/extra/one.conf", "<VirtualHost *:9443>\nSSLEngine On\nServerName extra\n</VirtualHost>\n"},
      {"/etc/apache2/mods-enabled/ssl.load", "LoadModule ssl_module /usr/lib/apache2/modules/mod_ssl.so\n"},
      {"/etc/apache2/ports.conf", "Listen 80\n<IfModule ssl_module>\n\tListen 443\n</IfModule>\n"},
      {"/etc/apache2/sites-enabled/a.conf",
       "<VirtualHost *:80>\n  ServerName a.example.org\n</VirtualHost>\n"
       "<virtualhost _default_:443 [::]:443>\n  servername https://A.example.org:443\n  ServerAlias b.example.org \\\n"
       "    *.c.example.org\n  SSLEngine on\n  SSLCertificateFile \"${tls}/a.pem\"\n  SSLCertificateKeyFile ssl/a.key\n"
       "  # SSLCertificateFile no\n  SSLCACertificateFile /etc/ssl/clients.pem\n"
       "  ProxyPass /a http://10.0.0.5/\n  ProxyPass /b https://10.0.0.6/\n  ProxyPass /c http://localhost:8080/\n"
       "  ProxyPass /d !\n</virtualhost>\n"},
  };
  CHECK(read(host, ServerKind::apache, "/etc/apache2/apache2.conf") ==
        "127.0.0.1:443 [::1]:443 (a.example.org b.example.org *.c.example.org) certificate=/etc/ssl/site/a.pem "
        "key=/etc/apache2/ssl/a.key client_authorities=/etc/ssl/clients.pem !plain http://10.0.0.5/\n"
        "127.0.0.1:9443 (extra)");
  // Without the module nothing speaks TLS, and its files are still named.
  host.write("/etc/apache2/mods-enabled/ssl.load", "LoadModule mpm_event_module x.so\n");
  CHECK(read(host, ServerKind::apache, "/etc/apache2/apache2.conf").starts_with("127.0.0.1:443 [::1]:443 no TLS ("));
  // A site's file alone loads none, and neither does a server that has them built in.
  CHECK(read(host, ServerKind::apache, "/etc/apache2/sites-enabled/a.conf").starts_with("127.0.0.1:443 [::1]:443 (a."));
}

TEST_CASE("Apache: an upstream is unverified unless SSLProxyVerify says otherwise") {
  const auto passing = [](const std::string& inside, const std::string& outside = {}) {
    return read({{"/etc/httpd/conf/httpd.conf",
                  "ServerRoot \"/etc/httpd\"\nLoadModule ssl_module x.so\nSSLEngine on\n<VirtualHost *:443>\n" +
                      inside + "\n</VirtualHost>\n" + outside + "\n"}},
                ServerKind::apache, "/etc/httpd/conf/httpd.conf");
  };
  CHECK(passing("ProxyPass / https://10.0.0.6/") == "127.0.0.1:443 !unverified https://10.0.0.6/");
  CHECK(passing("ProxyPass / https://10.0.0.6/\nSSLProxyVerify none", "SSLProxyVerify require") ==
        "127.0.0.1:443 !unverified https://10.0.0.6/");
  CHECK(passing("<Location /x>\nProxyPass ajp://10.0.0.6:8009/\n</Location>") ==
        "127.0.0.1:443 !plain ajp://10.0.0.6:8009/");
  CHECK(passing("<Proxy balancer://b>\nBalancerMember http://10.0.0.7\n</Proxy>\nProxyPass / balancer://b/") ==
        "127.0.0.1:443 !plain http://10.0.0.7");
  CHECK(passing("ProxyPass / https://10.0.0.6/\nSSLProxyVerify require") == "127.0.0.1:443");
  CHECK(passing("ProxyPass / https://10.0.0.6/", "SSLProxyVerify require") == "127.0.0.1:443");
  CHECK(passing("SSLEngine off\nProxyPass / http://10.0.0.6/").empty());
  CHECK(passing("SSLCertificateFile conf/a.pem") == "127.0.0.1:443 certificate=/etc/httpd/conf/a.pem");
}

TEST_CASE("HAProxy: bind lines with their certificates, lists and the servers behind them") {
  const Host host{{"/etc/haproxy/haproxy.cfg",
                   "global\n  crt-base /etc/ssl/private\n  ca-base /etc/ssl/certs\ndefaults\n  mode http\n"
                   "frontend web\n  bind :80\n  bind :443,[::]:443 ssl crt www.pem crt /srv/tls/ ca-file c.pem # x\n"
                   "  bind 10.0.0.1:8443 ssl crt-list list.txt\n  use_backend b if { path /b }\n"
                   "  default_backend \"a\"\n"
                   "frontend plain\n  bind :81\n  default_backend c\n"
                   "backend a\n  server a1 10.0.1.1:80\n  server a2 127.0.0.1:80\n  server a3 10.0.1.3:443 ssl\n"
                   "backend b\n  default-server ssl verify none\n  server b1 10.0.2.1:443\n"
                   "  server b2 10.0.2.2:443 verify required ca-file up.pem\n  server b3 /run/x.sock\n"
                   "backend c\n  server c1 10.0.3.1:80\n"
                   "listen d\n  bind :444 ssl crt d.pem\n  server d1 10.0.4.1:80\n"},
                  {"/etc/haproxy/list.txt", "# names\na.pem\nb.pem [alpn h2] b.Example.org !c.example.org\n"}};
  CHECK(read(host, ServerKind::haproxy, "/etc/haproxy/haproxy.cfg") ==
        "127.0.0.1:443 [::1]:443 both=/etc/ssl/private/www.pem both=/srv/tls/ client_authorities=/etc/ssl/certs/c.pem "
        "upstream_authorities=/etc/ssl/certs/up.pem !unverified 10.0.2.1:443 !plain 10.0.1.1:80\n"
        "10.0.0.1:8443 (b.example.org) both=/etc/ssl/private/a.pem both=/etc/ssl/private/b.pem\n"
        "127.0.0.1:444 both=/etc/ssl/private/d.pem !plain 10.0.4.1:80");
  host.write("/etc/haproxy/haproxy.cfg",
             "listen f\n bind \"${IP}:443\" ssl crt /a.pem\n bind :444,10.0.0.1:8000-8002,/run/x ssl crt /b.pem\n"
             " default-server ssl crt /c.pem\n server s 10.0.0.2:443 crt /d.pem ca-file /e.pem\n");
  CHECK(read(host, ServerKind::haproxy, "/etc/haproxy/haproxy.cfg") ==
        "both=/a.pem upstream_certificate=/c.pem upstream_certificate=/d.pem upstream_authorities=/e.pem\n"
        "127.0.0.1:444 both=/b.pem\n/etc/haproxy/haproxy.cfg:2 unsupported\n/etc/haproxy/haproxy.cfg:3 unsupported");
  host.write("/etc/haproxy/haproxy.cfg", "frontend f\n bind :443 ssl crt-list none.txt\n");
  CHECK(read(host, ServerKind::haproxy, "/etc/haproxy/haproxy.cfg") ==
        "127.0.0.1:443\n/etc/haproxy/haproxy.cfg:2 not_found");
}

TEST_CASE("Postfix: services that speak TLS, at once or when asked to") {
  const std::string master =
      "# service type\nsmtp      inet  n - y - - smtpd\nsubmission inet n - y - - smtpd\n  -o "
      "smtpd_tls_security_level=encrypt\n"
      "\t-o smtpd_tls_cert_file=$config_directory/sub.pem\nsmtps inet n - y - - smtpd -o smtpd_tls_wrappermode=yes\n"
      "127.0.0.1:2525 inet n - y - - smtpd\n  -o smtpd_tls_security_level=none\nsmtp unix - - y - - smtp\n"
      "#587 inet n - y - - smtpd\n";
  const Host host{{"/etc/postfix/main.cf",
                   "x = /etc/ssl\nsmtpd_tls_cert_file=$x/a.pem\nsmtpd_tls_key_file = ${x}/a.key\n"
                   "smtpd_tls_security_level=may\n# smtpd_tls_cert_file = no\n"
                   "smtp_tls_cert_file =\n  /etc/ssl/client.pem\n"},
                  {"/etc/postfix/master.cf", master}};
  CHECK(read(host, ServerKind::postfix, "/etc/postfix/main.cf") ==
        "127.0.0.1:25+smtp certificate=/etc/ssl/a.pem key=/etc/ssl/a.key\n"
        "127.0.0.1:587+smtp certificate=/etc/postfix/sub.pem key=/etc/ssl/a.key\n"
        "127.0.0.1:465 certificate=/etc/ssl/a.pem key=/etc/ssl/a.key\n"
        "no TLS upstream_certificate=/etc/ssl/client.pem");
  host.write("/etc/postfix/main.cf",
             "smtpd_tls_chain_files = /a.pem, /b.pem\nsmtpd_use_tls = yes\ninet_interfaces = 10.0.0.1\n"
             "smtpd_tls_cert_file = /no.pem\ntls_server_sni_maps = hash:/etc/postfix/sni\n");
  host.write("/etc/postfix/master.cf", "smtp inet n - y - 1 postscreen\nsmtpd pass - - y - - smtpd\n");
  host.write("/etc/postfix/sni", "# name\nwww.Example.org /c.pem /d.pem\n.example.net /e.pem\n");
  CHECK(read(host, ServerKind::postfix, "/etc/postfix/main.cf") ==
        "10.0.0.1:25+smtp (www.example.org *.example.net) both=/a.pem both=/b.pem both=/c.pem both=/d.pem both=/e.pem");
  host.write("/etc/postfix/main.cf", "smtpd_tls_cert_file = $a\na = $b\nb = $a\nsmtpd_tls_security_level = may\n");
  CHECK(read(host, ServerKind::postfix, "/etc/postfix/main.cf") == "127.0.0.1:25+smtp");
}

TEST_CASE("Dovecot: listeners of its protocols, and certificates by name") {
  const Host host{
      {"/etc/dovecot/dovecot.conf", "!include_try protocols.d/*\n!include conf.d/*.conf\n!include_try none\n"},
      {"/etc/dovecot/protocols.d/a", "protocols = $protocols imap\n"},
      {"/etc/dovecot/protocols.d/b", "protocols = $protocols pop3\n"},
      {"/etc/dovecot/conf.d/10.conf",
       "ssl = required\nssl_cert = </etc/dovecot/a.pem\nssl_key = <a.key\n#ssl_cert = <no\n"
       "local_name mail.Example.org {\n  ssl_cert = <b.pem\n  ssl_key = <b.key\n}\n"
       "service imap-login {\n  inet_listener imap {\n    port = 0\n  }\n  inet_listener imaps {\n"
       "    port = 1993\n    address = 10.0.0.1\n  }\n}\n"}};
  CHECK(read(host, ServerKind::dovecot, "/etc/dovecot/dovecot.conf") ==
        "10.0.0.1:1993 127.0.0.1:110+pop3 127.0.0.1:995 certificate=/etc/dovecot/a.pem key=/etc/dovecot/a.key\n"
        "10.0.0.1:1993 127.0.0.1:110+pop3 127.0.0.1:995 (mail.example.org) certificate=/etc/dovecot/b.pem "
        "key=/etc/dovecot/b.key");
  host.write("/etc/dovecot/conf.d/10.conf", "ssl_server_cert_file = /a.pem\nssl_server_key_file = /a.key\nssl = no\n");
  host.write("/etc/dovecot/protocols.d/a", "");
  host.write("/etc/dovecot/protocols.d/b", "");
  CHECK(read(host, ServerKind::dovecot, "/etc/dovecot/dovecot.conf") ==
        "127.0.0.1:143+imap 127.0.0.1:993 127.0.0.1:110+pop3 127.0.0.1:995 no TLS certificate=/a.pem key=/a.key");
}

TEST_CASE("PostgreSQL: its files, defaults and what ALTER SYSTEM says last") {
  const auto found = [](const std::string& config, const std::string& automatic = {}) {
    return read({{"/etc/postgresql/15/main/postgresql.conf", config},
                 {"/etc/postgresql/15/main/extra/x.conf", "port = 5433\n"},
                 {"/var/lib/data/postgresql.auto.conf", automatic}},
                ServerKind::postgresql, "/etc/postgresql/15/main/postgresql.conf");
  };
  const std::string data = "data_directory = '/var/lib/data'\n";
  CHECK(found(data + "ssl = on\nssl_cert_file = '/etc/ssl/it''s.pem' # x\nssl_key_file='a.key'\n") ==
        "127.0.0.1:5432+postgres certificate=/etc/ssl/it's.pem key=/var/lib/data/a.key");
  CHECK(found(data + "SSL on\ninclude_dir 'extra'\nlisten_addresses = '10.0.0.1, ::1,*'\nssl_ca_file = c.pem") ==
        "10.0.0.1:5433+postgres [::1]:5433+postgres 127.0.0.1:5433+postgres certificate=/var/lib/data/server.crt "
        "key=/var/lib/data/server.key client_authorities=/var/lib/data/c.pem");
  CHECK(found(data + "ssl = on\nlisten_addresses = ''", "ssl_cert_file = '/b.pem'\n") ==
        "certificate=/b.pem key=/var/lib/data/server.key");
  CHECK(found(data + "ssl = on\n", "ssl = 'off'\n").empty());
  CHECK(found("#ssl = on\n").empty());
  CHECK(found("include 'none.conf'\n") == "/etc/postgresql/15/main/postgresql.conf:1 not_found");
}

TEST_CASE("servers are found where their packages put their configs, below another root too") {
  const Host host{{"/etc/nginx/nginx.conf", "http { server { listen 443 ssl; } }"},
                  {"/etc/postgresql/13/main/postgresql.conf", "ssl = on"},
                  {"/etc/postgresql/15/main/postgresql.conf", "ssl = on"}};
  std::vector<std::string> found;
  for (const Server& server : find_servers(host.files()))
    found.push_back(fmt::format("{} {} {}", to_string(server.kind), server.config, server.sites.size()));
  CHECK(found == std::vector<std::string>{"nginx /etc/nginx/nginx.conf 1",
                                          "postgresql /etc/postgresql/13/main/postgresql.conf 1",
                                          "postgresql /etc/postgresql/15/main/postgresql.conf 1"});
  CHECK(find_servers(HostFiles("/none")).empty());
  for (const ServerKind kind : {ServerKind::nginx, ServerKind::apache, ServerKind::haproxy, ServerKind::postfix,
                                ServerKind::dovecot, ServerKind::postgresql})
    CHECK(parse_server_kind(to_string(kind)) == kind);
  CHECK_FALSE(parse_server_kind("iis"));
}

TEST_CASE("a config that is cut or changed anywhere is survived by every reader") {
  const std::string text =
      "http { server { listen 443 ssl; ssl_certificate \"a\\\"b\"; set ${x} 'y'; } include *.conf; }\n"
      "<VirtualHost *:443>\nSSLCertificateFile \"${x}\"\n</VirtualHost>\nfrontend a\n bind :443 ssl crt 'x'\n"
      "x = ${y} $(z) 'q''r' \\\n  -o a=b\nlocal_name a {\n ssl_cert = <x\n}\n!include x\n";
  const Host host{};
  for (const auto& [kind, config] : {std::pair(ServerKind::nginx, "/a"), std::pair(ServerKind::apache, "/b"),
                                     std::pair(ServerKind::haproxy, "/c"), std::pair(ServerKind::postfix, "/d/main.cf"),
                                     std::pair(ServerKind::dovecot, "/e"), std::pair(ServerKind::postgresql, "/f")}) {
    for (std::size_t size = 0; size <= text.size(); ++size) {
      std::string changed = text;
      for (const char c : {'{', '"', '\0'}) {
        if (size < text.size()) changed[size] = c;
        host.write(config, size % 2 == 0 ? changed : changed.substr(0, size));
        if (kind == ServerKind::postfix) host.write("/d/master.cf", changed);
        CHECK(read_server(host.files(), kind, config).config == config);
      }
    }
  }
}

}  // namespace
}  // namespace everseal::discover
