#include "bench/measure.h"
#include "bench/site.h"

namespace everseal::bench {

void startup() {
  const Site site;
  site.everseal({"init"});
  site.everseal({"ca", "init", "bench", "--root-passphrase-file", site.passphrase_file()});
  for (const char* name : {"a", "b", "c"})
    site.everseal({"issue", "--issuer", "bench", "-d", std::string(name) + ".example.org", "--as", name});
  print_heading("start-up, wall of a whole process");
  const int rounds = scaled(200);
  const auto wall = [](std::vector<std::string> argv) {
    return [argv = std::move(argv)] { return run(argv).wall * 1e3; };
  };
  const Pair version = in_turn(rounds, wall({EVERSEAL_PROGRAM, "--version"}), wall({EVERSEAL_EMPTY_PROGRAM}));
  print({"everseal --version : empty program, same libraries", version.ours, "ms", version.theirs, "<= 1.5x"});
  const Pair peer = in_turn(rounds, wall({EVERSEAL_PROGRAM, "--version"}), wall({"openssl", "version"}));
  print({"everseal --version : openssl version", peer.ours, "ms", peer.theirs});
  const Pair list = in_turn(rounds, wall(site.command({"list"})), wall({EVERSEAL_EMPTY_PROGRAM}));
  print({"everseal list, three certificates : empty program", list.ours, "ms", list.theirs});
}

}  // namespace everseal::bench
