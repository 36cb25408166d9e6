#include "reconcile/host_checks.h"

#include "base/command.h"
#include "base/error.h"
#include "base/ownership.h"
#include "base/process.h"
#include "base/text.h"

#include <cerrno>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace everseal::reconcile {
namespace {

using base::Error;
using base::Options;
using base::OptionType;

enum class Wanted { file, directory };

// What is wrong, and what to do about it; both "" where nothing is.
struct Objection {
  std::string message;
  std::string hint;
};

Objection look_at(const std::string& path, Wanted wanted) {
  struct stat found {};
  const std::string shown = base::printable(path);
  if (::stat(path.c_str(), &found) != 0) {
    const int number = errno;
    if (number == ENOENT || number == ENOTDIR)
      return {fmt::format("there is no {} {}", wanted == Wanted::file ? "file" : "directory", shown), {}};
    const Error error = base::errno_error("look at", shown);
    return {error.message(), error.hint()};
  }
  if (wanted == Wanted::directory && !S_ISDIR(found.st_mode)) return {fmt::format("{} is not a directory", shown), {}};
  if (wanted == Wanted::file && S_ISDIR(found.st_mode)) return {fmt::format("{} is a directory", shown), {}};
  return {};
}

Objection look_for_program(const std::string& program) {
  if (program.find('/') != std::string::npos) {
    Objection objection = look_at(program, Wanted::file);
    if (!objection.message.empty()) return objection;
    if (::access(program.c_str(), X_OK) != 0)
      return {fmt::format("{} cannot be run", base::printable(program)), "chmod +x makes it a program"};
  } else {
    bool found = false;
    for (const std::string& directory : base::split(base::kProgramPath, ':'))
      found = found || ::access(fmt::format("{}/{}", directory, program).c_str(), X_OK) == 0;
    if (!found)
      return {fmt::format("there is no program '{}'", base::printable(program)),
              fmt::format("it is looked for in {}", base::kProgramPath)};
  }
  base::require_trusted_executable(program);
  return {};
}

Objection look_at(const Options::Entry& entry) {
  switch (entry.type) {
    case OptionType::directory:
      return look_at(entry.text, Wanted::directory);
    case OptionType::path:
      return look_at(entry.text, Wanted::file);
    case OptionType::secret_file:
      return entry.text.starts_with("credential:") ? Objection() : look_at(entry.text, Wanted::file);
    case OptionType::command:
      return look_for_program(entry.list.front());
    case OptionType::user:
    case OptionType::owner:
      base::parse_ownership(entry.text, 0600);
      return {};
    default:
      return {};
  }
}

class Examination {
 public:
  void add(const Options& options, const std::string& key, const base::Origin& origin) {
    for (const auto& [name, entry] : options.entries()) {
      const std::string path = fmt::format("{}.{}", key, name);
      for (std::size_t i = 0; i < entry->items.size(); ++i)
        add(entry->items[i], fmt::format("{}[{}]", path, i), origin);
      try {
        complain(look_at(*entry), path, origin);
      } catch (const Error& error) {
        complain({error.message(), error.hint()}, path, origin);
      }
    }
  }

  void add(const std::vector<config::Deployment>& deployments, const std::string& key) {
    for (const config::Deployment& deployment : deployments)
      add(deployment.options, fmt::format("{}.{}", key, deployment.name), deployment.origin);
  }

  base::Problems problems;

 private:
  void complain(Objection objection, const std::string& key, const base::Origin& origin) {
    if (objection.message.empty()) return;
    problems.push_back({origin, key, std::move(objection.message), std::move(objection.hint)});
  }
};

}  // namespace

base::Problems host_problems(const config::Config& config) {
  Examination examination;
  for (const auto& [name, issuer] : config.issuers)
    examination.add(issuer.options, fmt::format("issuer.{}", name), issuer.origin);
  for (const auto& [name, challenge] : config.challenges) {
    const std::string key = fmt::format("challenge.{}", name);
    examination.add(challenge.options, key, challenge.origin);
    examination.add(challenge.provider_options, key, challenge.origin);
  }
  for (const auto& [name, authority] : config.authorities)
    examination.add(authority.publish, fmt::format("authority.{}.publish", name));
  for (const auto& [name, certificate] : config.certificates)
    examination.add(certificate.deployments, fmt::format("certificate.{}.deploy", name));
  return std::move(examination.problems);
}

}  // namespace everseal::reconcile
