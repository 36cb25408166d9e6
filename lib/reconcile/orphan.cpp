#include "reconcile/orphan.h"

#include "base/text.h"
#include "config/fragment.h"
#include "reconcile/kinds.h"
#include "reconcile/session.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

namespace everseal::reconcile {
namespace {

// Of "/etc/everseal/conf.d/www.toml:3".
std::string file_in(std::string_view origin) { return std::string(origin.substr(0, origin.rfind(':'))); }

// Where `name` is defined in a file that the present config does not have; nullopt where it is not, or the file is
// read.
std::optional<base::Origin> defined_in(const std::string& file, const Host& host, inventory::Store& store,
                                       const Name& name) {
  const std::filesystem::path path(file);
  std::error_code ignored;
  if (!path.is_absolute() || !std::filesystem::exists(path, ignored)) return std::nullopt;
  if (host.files.main && std::filesystem::equivalent(path, *host.files.main, ignored)) return std::nullopt;
  if (std::filesystem::equivalent(path.parent_path(), host.files.fragments, ignored)) return std::nullopt;
  base::Problems problems;
  const config::Config found = config::parse(config::read_each({file, {}}).files, config_kinds(authority_names(store)),
                                             problems, config::References::elsewhere);
  const auto certificate = found.certificates.find(name);
  if (certificate == found.certificates.end()) return std::nullopt;
  return certificate->second.origin;
}

// What is wrong with the table of `name` in the present config; null where it has none there.
const base::Problem* wrong_in(const Untaken& untaken, const Name& name) {
  const auto own = std::ranges::find(untaken.problems, subject_of(name), &base::Problem::subject);
  if (own != untaken.problems.end()) return &*own;
  const auto* const file = untaken.unparsed.may_define("certificate", name.text());
  return file == nullptr ? nullptr : &file->problem;
}

}  // namespace

Orphan orphan_of(const Host& host, inventory::Store& store, const inventory::ManagedRecord& managed,
                 const Untaken& untaken) {
  if (const base::Problem* const wrong = wrong_in(untaken, managed.name))
    return {fmt::format("has a table that is wrong: {}", base::printable(without_hint(*wrong))),
            wrong->hint.empty() ? "nothing is done for it until that is right" : base::printable(wrong->hint),
            std::nullopt, true};
  const Name& name = managed.name;
  const std::string read = to_string(host.files);
  const std::string own = config::fragments_of(host.state);
  const std::string former = file_in(managed.origin);
  auto found = defined_in(former, host, store, name);
  if (!found) found = defined_in(config::fragment_path(own, name), host, store, name);
  // A file system that is not mounted takes the config of all away at once.
  const std::filesystem::path directory = std::filesystem::path(former).parent_path();
  std::error_code unknown;
  if (!found && directory.is_absolute() && !std::filesystem::exists(directory, unknown) && !unknown)
    return {fmt::format("is no longer in the config ({}; it was in {}, and that directory is missing)", read,
                        base::printable(managed.origin)),
            fmt::format("bring {} back: mount it, or put its files there again", base::printable(directory.string())),
            std::nullopt};
  if (!found)
    return {fmt::format("is no longer in the config ({}; it was in {})", read, base::printable(managed.origin)),
            fmt::format("bring its table back, or `everseal remove {}`", name), std::nullopt};
  std::string remedy =
      std::filesystem::path(found->file).parent_path() == own
          ? fmt::format("move that file into {}", host.files.fragments)
          : fmt::format("move its table into {}, or name the config that has it with --config", host.files.fragments);
  return {fmt::format("stands in {}, which is not read: the config is {}", base::printable(to_string(*found)), read),
          fmt::format("{}; or `everseal remove {}`", base::printable(remedy), name), found->file};
}

}  // namespace everseal::reconcile
