// What is tried at containers that are encrypted.
#pragma once

#include "base/secret.h"

#include <span>
#include <string>
#include <utility>
#include <vector>

namespace everseal::discover {

class Passwords {
 public:
  // Those that need nobody to tell them: the empty one, and the one that Java's own trust stores have.
  Passwords();
  // And one a line of a secret file (base::read_secret_document); empty lines are passed over. Throws Error(config)
  // that names the file and the line, never the password.
  static Passwords read(const std::string& option);

  void add(base::Secret password) { all_.push_back(std::move(password)); }

  std::span<const base::Secret> all() const noexcept { return all_; }
  // Did somebody give any?
  bool are_given() const noexcept { return all_.size() > kBuiltIn; }

 private:
  static constexpr std::size_t kBuiltIn = 2;
  std::vector<base::Secret> all_;
};

}  // namespace everseal::discover
