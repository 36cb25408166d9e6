#include "bench/acme_peers.h"

#include "base/error.h"
#include "base/process.h"
#include "system/program.h"

#include <cstdlib>
#include <vector>

#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>

namespace everseal::bench {
namespace {

using Words = std::vector<std::string>;

constexpr Run kDone{.errors = Run::Errors::hidden};
constexpr Run kNotDueOfUacme{.status = 1, .errors = Run::Errors::hidden};

bool is_here(const char* program) {
  if (base::find_executable(program)) return true;
  fmt::print("{} is not measured: it is not installed\n", program);
  return false;
}

// uacme gives up at a challenge that has no token (dns-persist-01), which is the first in one of five authorizations:
// what counts is the run that met another.
Usage run_until_done(const Words& words) {
  constexpr int kTries = 20;
  for (int tries = 1;; ++tries) {
    try {
      return run(words, kDone);
    } catch (const base::Error&) {
      if (tries == kTries) throw;
    }
  }
}

// For who knows no trust but the system's: this process, and what it starts, see the system's bundle with one root
// more.
bool add_to_system_trust(const std::string& ca_file, const std::string& directory) {
  constexpr const char* kBundle = "/etc/ssl/certs/ca-certificates.crt";
  const std::string longer = directory + "/ca-certificates.crt";
  system::write_text(longer, system::read_text(kBundle) + system::read_text(ca_file));
  return ::unshare(CLONE_NEWNS) == 0 && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         ::mount(longer.c_str(), kBundle, nullptr, MS_BIND, nullptr) == 0;
}

}  // namespace

std::optional<AcmePeer> lego(const system::Pebble& pebble, const std::string& directory) {
  if (!is_here("lego")) return std::nullopt;
  ::setenv("LEGO_CA_CERTIFICATES", pebble.ca_file().c_str(), 1);
  const Words always{"lego",
                     "--server",
                     pebble.directory_url(),
                     "--accept-tos",
                     "--email",
                     "a@b.example",
                     "--path",
                     directory + "/lego",
                     "--key-type",
                     "ec256",
                     "--http",
                     "--http.port",
                     fmt::format("127.0.0.1:{}", pebble.http_port())};
  const auto does = [always](const char* verb) {
    return [always, verb](const std::string& host) {
      Words words = always;
      words.insert(words.end(), {"--domains", host, verb});
      return run(words, kDone);
    };
  };
  AcmePeer peer{.name = "lego", .issue = does("run"), .look = does("renew")};
  peer.issue("account.example.org");  // the first makes the account
  return peer;
}

std::optional<AcmePeer> uacme(const system::Pebble& pebble, const std::string& directory) {
  if (!is_here("uacme")) return std::nullopt;
  if (!add_to_system_trust(pebble.ca_file(), directory)) {
    fmt::print("uacme is not measured: it cannot be made to trust this CA here\n");
    return std::nullopt;
  }
  const Words always{
      "uacme",  "--acme-url", pebble.directory_url(), "--confdir", directory + "/uacme", "--type", "EC", "--yes",
      "--hook", "/bin/true"};
  const auto words = [always](const Words& more) {
    Words all = always;
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  run(words({"new"}), kDone);
  return AcmePeer{.name = "uacme",
                  .issue =
                      [words](const std::string& host) {
                        return run_until_done(words({"issue", host}));
                      },
                  .look =
                      [words](const std::string& host) {
                        return run(words({"issue", host}), kNotDueOfUacme);
                      }};
}

}  // namespace everseal::bench
