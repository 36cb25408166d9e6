#include "system/edge.h"

#include "system/server.h"

#include <filesystem>

#include <fmt/format.h>

namespace everseal::system {
namespace {

std::string nginx_config(const std::string& home, const std::string& name, const std::vector<EdgeSite>& sites,
                         const std::vector<int>& ports) {
  std::string text = fmt::format(R"(daemon off;
pid {0}/pid;
events {{}}
http {{
  access_log off;
  client_body_temp_path {0}/body; proxy_temp_path {0}/proxy; fastcgi_temp_path {0}/fastcgi;
  uwsgi_temp_path {0}/uwsgi; scgi_temp_path {0}/scgi;
)",
                                 home);
  for (std::size_t i = 0; i < sites.size(); ++i) {
    const std::string shown = sites[i].shown.empty() ? ""
                                                     : fmt::format(
                                                           "proxy_ssl_certificate {0}/fullchain.pem; "
                                                           "proxy_ssl_certificate_key {0}/privkey.pem; ",
                                                           sites[i].shown);
    text += fmt::format(R"(  server {{
    listen 127.0.0.1:{}  ssl;
    server_name {};
    ssl_certificate {}/fullchain.pem;
    ssl_certificate_key {}/privkey.pem;
    location / {{ {}{}; }}
  }}
)",
                        ports[i], name, sites[i].directory, sites[i].directory, shown,
                        sites[i].upstream.empty() ? "return 204" : "proxy_pass " + sites[i].upstream);
  }
  return text + "}\n";
}

std::string apache_config(const std::string& home, const std::string& name, const std::vector<EdgeSite>& sites,
                          const std::vector<int>& ports) {
  std::string text = fmt::format(R"(ServerRoot {0}
DefaultRuntimeDir {0}
PidFile {0}/pid
ErrorLog {0}/errors
ServerName {1}
User nobody
Group nogroup
)",
                                 home, name);
  for (const char* const module : {"mpm_event", "authz_core", "ssl", "proxy", "proxy_http"})
    text += fmt::format("LoadModule {0}_module /usr/lib/apache2/modules/mod_{0}.so\n", module);
  for (std::size_t i = 0; i < sites.size(); ++i)
    text += fmt::format(
        R"(Listen 127.0.0.1:{0} https
<VirtualHost 127.0.0.1:{0}>
  ServerName {1}
  SSLEngine on
  SSLCertificateFile {2}/fullchain.pem
  SSLCertificateKeyFile {2}/privkey.pem
{3}</VirtualHost>
)",
        ports[i], name, sites[i].directory,
        sites[i].upstream.empty() ? "" : fmt::format("  SSLProxyEngine on\n  ProxyPass / {}/\n", sites[i].upstream));
  return text;
}

std::string haproxy_config(const std::vector<EdgeSite>& sites, const std::vector<int>& ports) {
  std::string text = "defaults\n  mode http\n  timeout connect 5s\n  timeout client 5s\n  timeout server 5s\n";
  for (std::size_t i = 0; i < sites.size(); ++i) {
    const std::string& upstream = sites[i].upstream;
    const auto slashes = upstream.find("//");
    text +=
        fmt::format("frontend f{0}\n  bind 127.0.0.1:{1} ssl crt {2}/combined.pem\n", i, ports[i], sites[i].directory);
    text += upstream.empty()
                ? "  http-request return status 204\n"
                : fmt::format("  default_backend b{0}\nbackend b{0}\n  server app {1}{2}{3}\n", i,
                              upstream.substr(slashes + 2), upstream.starts_with("https:") ? " ssl verify none" : "",
                              sites[i].shown.empty() ? "" : fmt::format(" crt {}/combined.pem", sites[i].shown));
  }
  return text;
}

}  // namespace

Edge::Edge(const Site& site, const std::string& kind, const std::string& name, const std::vector<EdgeSite>& sites)
    : kind_(kind) {
  const std::string home = site / ("edge-" + kind);
  std::filesystem::create_directories(home);
  config_ = home + "/" + kind + ".conf";
  while (ports_.size() < sites.size()) ports_.push_back(free_port());
  if (kind == "nginx") {
    write_text(config_, nginx_config(home, name, sites, ports_));
    daemon_ = std::make_unique<Daemon>(Words{"nginx", "-c", config_, "-e", home + "/errors"});
  } else if (kind == "apache") {
    write_text(config_, apache_config(home, name, sites, ports_));
    daemon_ = std::make_unique<Daemon>(Words{"apache2", "-f", config_, "-D", "FOREGROUND"});
  } else {
    write_text(config_, haproxy_config(sites, ports_));
    daemon_ = std::make_unique<Daemon>(Words{"haproxy", "-W", "-f", config_});
  }
  for (const int port : ports_) {
    daemon_->wait_for_port(port);
    // Apache listens before it has read its files.
    wait_until(fmt::format("{} shows a certificate", kind), [&] { return !served_serial(port).starts_with('('); });
  }
}

std::string Edge::certificate_file(const EdgeSite& site) const {
  return site.directory + (kind_ == "haproxy" ? "/combined.pem" : "/fullchain.pem");
}

std::string Edge::shown_file(const EdgeSite& site) const {
  return site.shown + (kind_ == "nginx" ? "/fullchain.pem" : "/combined.pem");
}

}  // namespace everseal::system
