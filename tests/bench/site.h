// A directory with a config and a state, gone afterwards, and the built program run in it.
#pragma once

#include "base/file.h"
#include "bench/measure.h"
#include "fakes/temporary_directory.h"

#include <string>
#include <vector>

namespace everseal::bench {

class Site {
 public:
  Site() {
    base::write_file(passphrase_file(), base::as_bytes("correct horse battery staple\n"),
                     {.user = {}, .group = {}, .mode = 0600});
  }
  std::string config_file() const { return directory_ / "everseal.toml"; }
  std::string state() const { return directory_ / "state"; }
  std::string passphrase_file() const { return directory_ / "passphrase"; }
  std::string operator/(const std::string& name) const { return directory_ / name; }

  std::vector<std::string> command(std::vector<std::string> words) const {
    words.insert(words.begin(), {EVERSEAL_PROGRAM, "--quiet", "--config", config_file(), "--state", state()});
    return words;
  }
  Usage everseal(std::vector<std::string> words) const { return run(command(std::move(words))); }

 private:
  fakes::TemporaryDirectory directory_;
};

}  // namespace everseal::bench
