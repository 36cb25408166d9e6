// A program that leaves a mark when it runs, and that belongs to somebody else until it is root's.
#pragma once

#include "fakes/temporary_directory.h"

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include <unistd.h>

namespace everseal::fakes {

class StrangersProgram {
 public:
  StrangersProgram() {
    std::ofstream(path()) << "#!/bin/sh\ntouch " << mark() << "\n";
    std::filesystem::permissions(path(), std::filesystem::perms(0755));
    give_to(65534);
  }
  std::string path() const { return directory_ / "program"; }
  bool was_run() const { return std::filesystem::exists(mark()); }
  void give_to_root() const { give_to(0); }

 private:
  std::string mark() const { return directory_ / "was-run"; }
  void give_to(uid_t user) const {
    if (::chown(path().c_str(), user, user) != 0) throw std::runtime_error("cannot chown " + path());
  }

  TemporaryDirectory directory_;
};

}  // namespace everseal::fakes
