// An audit of ten thousand endpoints: every one is told of, however it fails, and a run that was stopped is gone on
// with.
#include "system/fleet.h"

#include "base/handle.h"
#include "system/site.h"

#include <csignal>
#include <map>
#include <stdexcept>

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

using namespace everseal;
using namespace everseal::system;

namespace {

constexpr int kEndpoints = 10'000;

// Takes connections on every address of this host, as far as the kernel does without being asked, and says nothing.
class Silence {
 public:
  Silence() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    socklen_t size = sizeof address;
    if (::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(socket_.get(), 4096) != 0 ||
        ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
      throw std::runtime_error("cannot listen");
    port_ = ntohs(address.sin_port);
  }
  int port() const { return port_; }

 private:
  base::FileDescriptor socket_;
  int port_ = 0;
};

Words audit(const Site& site, Words more = {}) {
  Words words{"audit", "--targets", site / "targets", "--most",   "20000",    "--in-flight", "1000",
              "--sni", "localhost", "--fail-on",      "critical", "--format", "jsonl"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

// How many places ended how, of a report in JSON lines; each may stand there once.
std::map<std::string, int> outcomes_of(const std::string& lines) {
  std::map<std::string, int> outcomes;
  std::map<std::string, int> places;
  for (std::size_t at = 0; at < lines.size();) {
    const std::size_t end = std::min(lines.find('\n', at), lines.size());
    const Json line = Json::parse(lines.substr(at, end - at));
    at = end + 1;
    if (!line.contains("place")) continue;
    ++outcomes[line["place"]["outcome"].get<std::string>()];
    CHECK_MESSAGE(++places[line["place"]["name"].get<std::string>()] == 1, line["place"]["name"]);
  }
  return outcomes;
}

}  // namespace

TEST_CASE("ten thousand endpoints, some dead and some silent, are all told of, and a stopped audit is gone on with") {
  const Site site;
  site.configure(certificate_table("web"));
  require_status(site.everseal({"renew"}), 0);
  const Fleet fleet(site / "fleet", site.state() + "/live/web");
  const Silence silence;
  const int dead = free_port();
  std::string targets;
  for (int i = 0; i < kEndpoints; ++i)
    targets += fmt::format("127.{}.{}.1:{}\n", 1 + i / 250, 1 + i % 250,
                           i % 10 == 3   ? dead
                           : i % 20 == 7 ? silence.port()
                                         : fleet.port());
  write_text(site / "targets", targets);
  const base::Command patient{.timeout = std::chrono::minutes(5), .output_limit = std::size_t{256} << 20};
  const std::map<std::string, int> all = {
      {"complete", kEndpoints * 85 / 100}, {"connection_refused", kEndpoints / 10}, {"timed_out", kEndpoints / 20}};

  SUBCASE("in one run") {
    const base::Exit exit = site.everseal(audit(site), patient);
    require_status(exit, 4);
    CHECK(outcomes_of(exit.output) == all);
  }
  SUBCASE("stopped in the middle by Ctrl-C") {
    const std::string report = site / "report";
    const std::string script =
        site.script("stopped", fmt::format("{} >{} & everseal=$!\n"
                                           "until [ $(wc -l <{}) -gt 3000 ]; do sleep 0.05; done\n"
                                           "kill -INT $everseal; wait $everseal",
                                           fmt::join(site.command(audit(site)), " "), report, report));
    const base::Exit stopped = run({script}, patient);
    INFO(transcript(stopped));
    CHECK(stopped.status == 4);
    const std::map<std::string, int> before = outcomes_of(read_text(report));
    CHECK(before.at("complete") < all.at("complete"));
    const base::Exit rest = site.everseal(audit(site, {"--resume"}), patient);
    INFO(rest.errors);
    CHECK(rest.status == 4);
    std::map<std::string, int> together = before;
    for (const auto& [outcome, count] : outcomes_of(rest.output)) together[outcome] += count;
    CHECK(together == all);
    CHECK(contains(rest.output, "were looked at before"));
  }
}
