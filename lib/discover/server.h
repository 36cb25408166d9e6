// The server configs of a host, as plain values: where TLS is spoken, with which files, and to whom on the other side.
// Nothing is run and no server is asked: what their files say is read, with what they include.
#pragma once

#include "discover/found.h"
#include "discover/host_files.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::discover {

enum class ServerKind { nginx, apache, haproxy, postfix, dovecot, postgresql };
std::string_view to_string(ServerKind kind) noexcept;
std::optional<ServerKind> parse_server_kind(std::string_view text) noexcept;
// What systemd calls it where its config is that file: "apache2", "httpd".
std::string_view unit_of(ServerKind kind, std::string_view config) noexcept;
std::vector<std::string> server_kinds();  // as they are written
// Where the distribution's own package puts its main file.
bool is_usual_place(ServerKind kind, std::string_view config) noexcept;

struct Where {
  std::string file;  // as the host sees it
  int line = 0;
};

struct Listener {
  std::string address;   // as somebody on the same host reaches it: "127.0.0.1:443", "[::1]:8443", "10.0.0.5:443"
  std::string starttls;  // the protocol that TLS begins in ("smtp", "imap", "pop3", "postgres"); "": at once
  Where where;
};

enum class Role {
  certificate,  // with its chain, perhaps with its key
  key,
  chain,                 // of the certificate, in a file of its own
  both,                  // certificate and key in one file, or a directory of such files
  client_authorities,    // whose certificates clients show
  upstream_certificate,  // that is shown to an upstream
  upstream_key,
  upstream_authorities,  // whose certificates upstreams show
};
std::string_view to_string(Role role) noexcept;

struct NamedFile {
  std::string path;  // absolute, as the host sees it; links are not followed
  Role role;
  Where where;
};

enum class Weakness { plain_text, unverified };

// Of another host, behind a site that speaks TLS. Peers on this host are left out, and those whose name is a variable.
struct WeakUpstream {
  std::string peer;  // as it is written, printable: "http://10.0.0.5:8080"
  Weakness weakness;
  Where where;
};

// What serves the same files: a server block, a virtual host, a bind line, a service.
struct Site {
  Where where;
  int last_line = 0;  // of the same file; 0: it is not closed there
  bool speaks_tls = false;
  std::vector<Listener> listeners;  // of nginx and HAProxy those that speak TLS
  std::vector<std::string> names;   // in lower case, as they are written: "www.example.org", "*.example.org"
  std::vector<NamedFile> files;
  std::vector<WeakUpstream> upstreams;
};

struct ConfigTrouble {
  Where where;
  Reason reason;
  std::string what;  // printable
};

struct Server {
  ServerKind kind;
  std::string config;              // its main file
  std::vector<Site> sites;         // that speak TLS or name a file
  std::vector<std::string> files;  // that were read, in order
  std::vector<ConfigTrouble> troubles;

  bool is_read_whole() const noexcept { return troubles.empty(); }
};

// Of one main file. What is missing or wrong is a trouble, and the rest is read; includes are bounded in depth, number
// and size.
Server read_server(const HostFiles& host, ServerKind kind, const std::string& config);

// Every server whose main file stands where its packages put it (Debian's, Red Hat's and upstream's places).
std::vector<Server> find_servers(const HostFiles& host);

}  // namespace everseal::discover
