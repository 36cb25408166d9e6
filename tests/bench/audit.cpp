// Ten thousand endpoints on loopback: what looking at them, judging them and recording it costs beside the handshakes
// alone.
#include "base/error.h"
#include "bench/bare_tls.h"
#include "bench/site.h"
#include "system/fleet.h"
#include "system/program.h"

#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>

#include <fmt/format.h>
#include <openssl/crypto.h>

namespace everseal::bench {
namespace {

constexpr const char* kName = "bench.example.org";

// Nothing where Go is not installed.
std::optional<std::string> go_scanner(const Site& site) {
  try {
    const base::Exit built =
        system::run({"go", "build", "-o", site / "scan", EVERSEAL_SOURCE_DIR "/tests/bench/scan.go"},
                    {.environment = {{"GOCACHE", site / "go"}}});
    if (built.status == 0) return site / "scan";
    fmt::print("Go is there but builds no scanner: {}\n", system::transcript(built));
  } catch (const std::exception&) {
    fmt::print("no Go scanner to compare with: golang-go is not installed\n");
  }
  return std::nullopt;
}

std::vector<std::string> loopback(int count) {
  std::vector<std::string> addresses;
  for (int i = 0; i < count; ++i) addresses.push_back(fmt::format("127.{}.{}.1", 1 + i / 250, 1 + i % 250));
  return addresses;
}

}  // namespace

void audit() {
  const int count = scaled(10'000);
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  const Site site;
  site.everseal({"init"});
  // P-256 throughout: for P-384 the Go of Debian 12 has nothing fast.
  site.everseal({"ca", "init", "bench", "--root-key", "ecdsa-p256", "--root-passphrase-file", site.passphrase_file()});
  site.everseal({"issue", "--issuer", "bench", "-d", kName, "--deploy-dir", site / "tls", "--make-dir"});
  const std::string roots = site / "roots.pem";
  site.everseal({"ca", "export", "bench", "--out", roots});
  const system::Fleet fleet(site / "fleet", site / "tls");
  const std::vector<std::string> addresses = loopback(count);
  std::ofstream targets(site / "targets");
  for (const std::string& address : addresses) targets << fmt::format("{}:{}\n", address, fleet.port());
  targets.close();
  const std::string in_flight = std::to_string(std::min(2000, count));
  const std::vector<std::string> words{"audit",  "--targets", site / "targets", "--sni",   kName,
                                       "--most", "20000",     "--in-flight",    in_flight, "--format",
                                       "jsonl",  "--fail-on", "critical"};
  const auto audit_into = [&](const std::string& state) {
    std::vector<std::string> command{EVERSEAL_PROGRAM, "--quiet", "--config", site.config_file(), "--state", state};
    command.insert(command.end(), words.begin(), words.end());
    return run(command);
  };
  const auto bare = [&](BareHandshakes::Keys keys) {
    return apart([&] {
      const int complete = shake({.addresses = addresses,
                                  .port = fleet.port(),
                                  .server_name = kName,
                                  .in_flight = std::min(2000, count) / cores,
                                  .threads = cores,
                                  .keys = keys});
      if (complete != count) throw base::Error(base::Fault::io, "not every bare handshake was completed");
    });
  };
  print_heading(fmt::format("an audit of {} TLS endpoints, {} in flight, {}", count, in_flight,
                            OpenSSL_version(OPENSSL_VERSION)));
  const std::optional<std::string> scanner = go_scanner(site);
  std::vector<Usage> first;      // which makes a second connection to each, for a key of the other kind
  std::vector<Usage> audited;    // again, an hour later as it were
  std::vector<Usage> forgotten;  // a first look that is not recorded
  std::vector<Usage> alone;
  std::vector<Usage> both;  // with the hello for the other kind of key
  std::vector<Usage> pooled;
  for (int i = 0; i < 3; ++i) {
    const std::string state = site / fmt::format("fleet{}", i);
    std::filesystem::copy(site.state(), state, std::filesystem::copy_options::recursive);
    first.push_back(audit_into(state));
    both.push_back(bare(BareHandshakes::Keys::both));
    forgotten.push_back(audit_into(site / "none"));
    audited.push_back(audit_into(state));
    alone.push_back(bare(BareHandshakes::Keys::one));
    if (scanner) pooled.push_back(run({*scanner, kName, roots, "20", site / "targets"}));
  }
  const auto cpu = [&](const std::vector<Usage>& usages) { return median(usages, &Usage::cpu) / count * 1e3; };
  print({"client CPU of an endpoint: looked at, judged, recorded", cpu(audited), "ms", cpu(alone), "<= 1.15x"});
  print({"its first look, for both kinds of key", cpu(first), "ms", cpu(both), ""});
  print({"of a look recording, beside a bare handshake", cpu(audited) - cpu(alone) - (cpu(forgotten) - cpu(both)), "ms",
         cpu(alone), "< 0.1x"});
  if (scanner) print({"a look, beside a pooled scanner in Go", cpu(audited), "ms", cpu(pooled), "< 1x on OpenSSL 3.5"});
  print({"endpoints a second, the server on the same cores", count / median(audited, &Usage::wall), "/s",
         count / median(alone, &Usage::wall), ">= 0.85x"});
  print({"memory", median(first, &Usage::memory), "MiB", {}, "< 150 MiB"});
}

}  // namespace everseal::bench
