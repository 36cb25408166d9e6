// At a Pebble of its own: what one certificate costs, what a hundred do, and what it costs that nothing is due.
#include "bench/acme_peers.h"
#include "bench/bare_acme.h"
#include "bench/site.h"
#include "system/pebble.h"
#include "system/program.h"

#include <chrono>
#include <list>
#include <string>
#include <vector>

#include <fmt/format.h>

namespace everseal::bench {
namespace {

using system::Pebble;
using system::PebbleOptions;
using system::PebbleProgram;
using Validation = PebbleOptions::Validation;

PebbleOptions options_for(Validation validation) {
  return {.validation = validation,
          .nonce_reject_percent = 0,
          .authorization_reuse_percent = 0,
          .retry_after_authorization = std::chrono::seconds(1),
          .retry_after_order = std::chrono::seconds(1)};
}

std::string host(int number) { return fmt::format("host{}.example.org", number); }

// A site with an account at a Pebble, and its directory kept.
class AcmeSite {
 public:
  AcmeSite(const Pebble& pebble, int workers, int certificates) {
    site_.everseal({"init"});
    std::string config = fmt::format(
        "config_version = 1\nworkers = {}\n[issuer.pebble]\ntype = \"acme\"\ndirectory = \"{}\"\nca_file = \"{}\"\n"
        "agree_terms = true\nhttp_address = \"127.0.0.1\"\nhttp_port = {}\n",
        workers, pebble.directory_url(), pebble.ca_file(), pebble.http_port());
    for (int i = 0; i < certificates; ++i)
      config += fmt::format("[certificate.host{}]\nissuer = [\"pebble\"]\nidentifiers = [\"{}\"]\n", i, host(i));
    system::write_text(site_.config_file(), config);
    site_.everseal({"account", "register", "pebble"});
  }
  Usage everseal(std::vector<std::string> words) const { return site_.everseal(std::move(words)); }
  Usage issue(int number) const { return everseal({"issue", "--issuer", "pebble", "-d", host(number)}); }
  Usage renew() const { return everseal({"renew"}); }

 private:
  Site site_;
};

void print_requests(const std::vector<std::string>& requests, std::size_t from) {
  for (std::size_t i = from; i < requests.size(); ++i) fmt::print("  {}\n", requests[i]);
}

void one(const PebbleProgram& program) {
  const fakes::TemporaryDirectory directory;
  const system::ChallengeTestServer names(directory.path(), program);
  names.set_default_ipv4("127.0.0.1");
  names.set_default_ipv6("");
  PebbleOptions options = options_for(Validation::real);
  options.dns_server = names.dns_server();
  const Pebble pebble(directory.path(), program, options);
  const AcmeSite site(pebble, 1, 0);

  print_heading("one http-01 certificate, the account known, as a whole process");
  const std::size_t before = pebble.requests().size();
  site.issue(0);
  const std::vector<std::string> requests = pebble.requests();
  print({"requests", static_cast<double>(requests.size() - before), "", {}, "<= 9"});
  print_requests(requests, before);

  const auto peer = lego(pebble, directory.path());
  std::vector<Usage> ours, theirs;
  for (int i = 1; i <= scaled(5); ++i) {
    ours.push_back(site.issue(i));
    if (peer) theirs.push_back(peer->issue(fmt::format("peer{}.example.org", i)));
  }
  const auto show = [&](const char* what, double Usage::*figure, double factor, const char* unit, const char* goal) {
    const auto baseline = peer ? std::optional(median(theirs, figure) * factor) : std::nullopt;
    print({fmt::format("{} : lego", what), median(ours, figure) * factor, unit, baseline, goal});
  };
  show("CPU", &Usage::cpu, 1e3, "ms", "< 1x");
  show("memory", &Usage::memory, 1, "MiB", "< 1x");
  show("wall", &Usage::wall, 1e3, "ms", "");
}

void many(const PebbleProgram& program) {
  const fakes::TemporaryDirectory directory;
  const Pebble pebble(directory.path(), program, options_for(Validation::always_valid));
  const int count = scaled(100);
  print_heading(fmt::format("{} certificates in one renew, of a CA that validates nothing; each of them", count));

  // Kept to the end: a file system that has just removed thousands of files is slow to make new ones.
  std::list<AcmeSite> sites;
  BareAcme bare(pebble.directory_url(), pebble.ca_file());
  double cpu = 0;
  std::size_t requests = 0;
  const auto renew = [&](int workers) {
    const AcmeSite& site = sites.emplace_back(pebble, workers, count);
    const std::size_t before = pebble.requests().size();
    const Usage usage = site.renew();
    cpu = usage.cpu / count * 1e3;
    requests = pebble.requests().size() - before;
    return usage.wall / count * 1e3;
  };
  int number = 0;
  const auto bare_loop = [&] {
    return seconds([&] {
             for (int i = 0; i < count; ++i) bare.certificate(fmt::format("bare{}.example.org", number++));
           }) /
           count * 1e3;
  };
  const Pair one_by_one = in_turn(
      5, [&] { return renew(1); }, bare_loop);
  print({"one at a time : bare loop", one_by_one.ours, "ms", one_by_one.theirs, "<= 1.5x"});
  print({"our CPU", cpu, "ms"});
  print({"requests", static_cast<double>(requests) / count, ""});
  const double together = renew(4);
  print({"four at a time, where Pebble is the limit : one at a time", together, "ms", one_by_one.ours});
  print({"our CPU", cpu, "ms"});

  const AcmeSite& site = sites.back();
  std::vector<Usage> nothing;
  const std::size_t before = pebble.requests().size();
  for (int i = 0; i < 15; ++i) nothing.push_back(site.renew());
  const double wall = median(nothing, &Usage::wall) * 1e3;
  const auto asked = static_cast<double>(pebble.requests().size() - before);

  const int processes = scaled(10);
  for (const auto& peer : {lego(pebble, directory.path()), uacme(pebble, directory.path())}) {
    if (!peer) continue;
    std::vector<Usage> issues, looks;
    for (int i = 0; i < processes; ++i) {
      const std::string name = fmt::format("{}{}.example.org", peer->name, i);
      issues.push_back(peer->issue(name));
      looks.push_back(peer->look(name));
    }
    print({fmt::format("one at a time : {}, a process each", peer->name), one_by_one.ours, "ms",
           mean(issues, &Usage::wall) * 1e3, "<= 0.1x"});
    print({fmt::format("nothing due over {} : {}, {} processes", count, peer->name, count), wall, "ms",
           mean(looks, &Usage::wall) * 1e3 * count});
  }
  print({fmt::format("nothing due over {}", count), wall, "ms", {}, "< 10 ms"});
  print({"requests of that", asked, "", {}, "0"});
}

}  // namespace

void acme() {
  const auto program = system::find_pebble();
  if (!program) {
    fmt::print("\nacme is not measured: there is no pebble; tests/fetch-pebble says why\n");
    return;
  }
  one(*program);
  many(*program);
}

}  // namespace everseal::bench
