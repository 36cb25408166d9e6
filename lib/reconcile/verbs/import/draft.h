// The config with what an import adds to it. Nothing is written before the end, and then everything.
#pragma once

#include "base/secret.h"
#include "config/config.h"
#include "config/fragment.h"
#include "reconcile/host.h"

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace everseal::reconcile {

class ImportDraft {
 public:
  ImportDraft(const Host& host, config::Kinds kinds, config::Config present);

  const config::Config& config() const noexcept { return config_; }
  const config::Kinds& kinds() const noexcept { return kinds_; }

  // The first of NAME, NAME-2, NAME-3, ... whose file is free and of which `is_taken` says no.
  Name free_name(const std::string& family, const std::string& wanted,
                 const std::function<bool(const Name&)>& is_taken) const;
  // What the config gets by it; errors as those of config::Draft::read().
  config::Config read(const config::Fragment& fragment) const { return draft_.read(fragment); }
  // `part` is what read() gave.
  void add(const config::Fragment& fragment, config::Config part);
  // Becomes a file that only its owner reads, at secret_path().
  void add_secret(const std::string& file, base::Secret secret) { secrets_.emplace_back(file, std::move(secret)); }
  std::string secret_path(const std::string& file) const;

  bool empty() const noexcept { return draft_.empty(); }
  // Secrets first, as the config names them. After an error nothing of it is there.
  void write() const;

 private:
  std::string secrets_directory() const { return state_ + "/secrets"; }
  void write_secrets() const;
  void remove_secrets() const noexcept;

  std::string state_;
  config::Kinds kinds_;
  config::Config config_;
  config::Draft draft_;
  std::vector<std::pair<std::string, base::Secret>> secrets_;  // by file
};

}  // namespace everseal::reconcile
