#include "system/fleet.h"

#include <filesystem>

#include <fmt/format.h>

namespace everseal::system {

Fleet::Fleet(const std::string& home, const std::string& certificate) : port_(free_port()) {
  std::filesystem::create_directories(home);
  write_text(home + "/nginx.conf", fmt::format(R"(daemon off;
worker_processes auto;
pid {0}/pid;
error_log {0}/error.log;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  client_body_temp_path {0}/body; proxy_temp_path {0}/proxy; fastcgi_temp_path {0}/fastcgi;
  uwsgi_temp_path {0}/uwsgi; scgi_temp_path {0}/scgi;
  server {{
    listen 0.0.0.0:{1} ssl backlog=8192;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_certificate {2}/fullchain.pem;
    ssl_certificate_key {2}/privkey.pem;
  }}
}}
)",
                                               home, port_, certificate));
  daemon_.emplace(Words{"nginx", "-c", home + "/nginx.conf", "-e", home + "/error.log"});
  daemon_->wait_for_port(port_);
}

}  // namespace everseal::system
